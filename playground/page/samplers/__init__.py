"""The Samplers lens."""
