"""What the page remembers: the picture shown, the recipe typed, earlier pictures, the address."""
