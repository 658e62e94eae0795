"""The recipes that made the weights in assets/.

In this order: autoencoder (then decoder), text, unet. Beside unet stand flow and consistency, a
student of it, which calls trains further; `oracle` judges what they draw.
"""
