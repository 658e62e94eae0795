"""The Studio lens."""
