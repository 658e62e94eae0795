"""Which models there are, how they are loaded, and one face for all of them."""
