"""The words at hand: what a model knows, completion, unknown words, a random prompt."""
