"""What several lenses show alike."""
