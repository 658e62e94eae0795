"""A grid of finished pictures over any two fields of a recipe, seeds and words among them."""
