"""The Lecture lens: a guided way of eleven stops through how latent diffusion works."""
