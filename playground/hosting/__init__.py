"""What a page needs that others can reach: settings, limits, headers, health, errors with an id."""
