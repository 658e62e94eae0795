"""Browser views of the Attention lens."""
