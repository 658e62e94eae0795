"""The page as it is served: bounded queue, visitors who leave, errors with a number, health."""
