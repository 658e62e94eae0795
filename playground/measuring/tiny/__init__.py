"""Small pipelines of every family, of real classes with random weights, for tests and measuring."""
