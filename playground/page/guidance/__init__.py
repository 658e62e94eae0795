"""The Guidance lens."""
