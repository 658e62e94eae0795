"""The recipes that made the weights in assets/.

In this order: autoencoder (then decoder), text, unet; flow and consistency (a student of unet) stand
beside unet. `oracle` judges what they draw.
"""
