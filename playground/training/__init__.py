"""The recipes that made the weights in assets/: run in order, autoencoder, text, unet."""
