"""Browser views of the Samplers lens."""
