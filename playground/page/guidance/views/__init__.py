"""Browser views of the Guidance lens."""
