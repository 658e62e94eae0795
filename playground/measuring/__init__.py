"""Recipes that measure: each writes its figures to a model's card."""
