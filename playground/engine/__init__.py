"""Draws: many pictures advance together, one batched network call at a time."""
