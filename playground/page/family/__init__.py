"""The Family lens."""
