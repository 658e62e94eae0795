"""Muon for the matrices of a network, AdamW for the rest."""

from concurrent.futures import ThreadPoolExecutor

import torch
from torch import nn

from playground.training.parallel import CORES


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
        largest_first = sorted(self.views, key=torch.numel, reverse=True)
        self.muons = [  # one a core, with an equal share of the work
            torch.optim.Muon(part, lr=lr, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")
            for part in (largest_first[i::CORES] for i in range(CORES))
        ]
        self.adam = torch.optim.AdamW(rest, lr=lr, betas=(0.9, 0.99))
        self._all = [*self.muons, self.adam]
        self._pool = ThreadPoolExecutor(CORES)

    @property
    def param_groups(self) -> list[dict]:
        return [group for optimizer in self._all for group in optimizer.param_groups]

    def step(self) -> None:
        for view, matrix in zip(self.views, self.matrices, strict=True):
            view.grad = matrix.grad.flatten(1)
        list(self._pool.map(lambda optimizer: optimizer.step(), self._all))

    def state_dict(self) -> dict:
        return {"all": [optimizer.state_dict() for optimizer in self._all]}

    def load_state_dict(self, state: dict) -> None:
        for optimizer, mine in zip(self._all, state["all"], strict=True):
            optimizer.load_state_dict(mine)
