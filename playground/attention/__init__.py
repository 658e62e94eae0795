"""Attention maps: recorded during a run, summed to one map a word, edited."""
