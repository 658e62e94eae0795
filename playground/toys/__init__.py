"""Small examples in the plane that train in seconds."""
