"""Browser views of the Family lens."""
