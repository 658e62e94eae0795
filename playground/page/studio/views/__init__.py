"""Browser views of the Studio lens."""
