"""The recipes that made the weights in assets/.

In this order: autoencoder (then decoder), text, unet; beside unet stand flow, and consistency,
which is a student of it. `oracle` judges what they draw.
"""
