"""Muon for the matrices of a network, AdamW for the rest."""

import torch
from torch import nn


class MuonAndAdam:
    """Steps along the orthogonalised momentum of every matrix: all its directions learn.

    Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/; the step's size is matched to
    AdamW's (Liu et al. 2025, arXiv 2502.16982, section 2.2), so that one learning rate serves both.
    A convolution [out, in, h, w] counts as the matrix [out, in·h·w].
    """

    def __init__(self, model: nn.Module, lr: float):
        self.matrices = [p for p in model.parameters() if p.ndim > 1]
        # torch's Muon takes plain matrices only: these share their memory with the model's.
        self.views = [nn.Parameter(p.detach().flatten(1)) for p in self.matrices]
        rest = [p for p in model.parameters() if p.ndim <= 1]
        self.muon = torch.optim.Muon(
            self.views, lr=lr, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"
        )
        self.adam = torch.optim.AdamW(rest, lr=lr, betas=(0.9, 0.99))

    @property
    def param_groups(self) -> list[dict]:
        return self.muon.param_groups + self.adam.param_groups

    def step(self) -> None:
        for view, matrix in zip(self.views, self.matrices, strict=True):
            view.grad = matrix.grad.flatten(1)
        self.muon.step()
        self.adam.step()

    def state_dict(self) -> dict:
        return {"muon": self.muon.state_dict(), "adam": self.adam.state_dict()}

    def load_state_dict(self, state: dict) -> None:
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
