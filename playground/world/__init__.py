"""The emoji world: scenes we can describe, draw, and know every word's exact pixels of."""
