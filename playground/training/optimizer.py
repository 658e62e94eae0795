"""Muon for the matrices of a network, AdamW for the rest."""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor, nn

from playground.training.parallel import CORES

MOMENTUM, DECAY, NEWTON_SCHULZ = 0.95, 0.01, (3.4445, -4.7750, 2.0315)
TOGETHER = 8  # matrices of a stack on the processor, so that stacks can be shared between cores


class MuonAndAdam:
    """Steps along the orthogonalised momentum of every matrix: all its directions learn.

    Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/; the step's size is matched to
    AdamW's (Liu et al. 2025, arXiv 2502.16982, section 2.2), so that one learning rate serves both.
    A convolution [out, in, h, w] counts as the matrix [out, in·h·w]. The same numbers as
    torch.optim.Muon, but equal shapes are orthogonalised together: an accelerator would spend its
    time on starting thousands of small products.

    Parameters whose name starts with one of `plain` are stepped by AdamW too.
    """

    def __init__(self, model: nn.Module, lr: float, plain: Sequence[str] = ()):
        self._names = {parameter: name for name, parameter in model.named_parameters()}
        shapes: dict[tuple[int, int], list[nn.Parameter]] = {}
        rest = []
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 and not name.startswith(tuple(plain)):
                shapes.setdefault((len(parameter), parameter[0].numel()), []).append(parameter)
            else:
                rest.append(parameter)
        on_cpu = next(model.parameters()).device.type == "cpu"
        most = TOGETHER if on_cpu else len(list(model.parameters()))
        parts = [p[i : i + most] for p in shapes.values() for i in range(0, len(p), most)]
        self.stacks = sorted(map(_Stack, parts), key=lambda stack: -stack.momentum.numel())
        self.matrices = {"lr": lr}
        self.adam = torch.optim.AdamW(rest, lr=lr, betas=(0.9, 0.99))
        self._map = ThreadPoolExecutor(CORES).map if on_cpu else map

    @property
    def param_groups(self) -> list[dict]:
        return [self.matrices, *self.adam.param_groups]

    def step(self) -> None:
        lr = self.matrices["lr"]
        list(self._map(lambda stack: stack.step(lr), self.stacks))
        self.adam.step()

    def state_dict(self) -> dict:
        """The momenta go by their parameters' names: how they are stacked depends on the device."""
        momenta = {
            self._names[parameter]: momentum
            for stack in self.stacks
            for parameter, momentum in zip(stack.parameters, stack.momentum, strict=True)
        }
        return {"lr": self.matrices["lr"], "momenta": momenta, "adam": self.adam.state_dict()}

    def load_state_dict(self, state: dict) -> None:
        self.matrices["lr"] = state["lr"]
        for stack in self.stacks:
            for parameter, momentum in zip(stack.parameters, stack.momentum, strict=True):
                momentum.copy_(state["momenta"][self._names[parameter]])
        self.adam.load_state_dict(state["adam"])


class _Stack:
    """Parameters that are matrices [rows, columns] of one shape."""

    def __init__(self, parameters: list[nn.Parameter]):
        self.parameters = parameters
        # They share their memory with the model's weights.
        self.views = [parameter.detach().flatten(1) for parameter in parameters]
        self.momentum = torch.zeros_like(torch.stack(self.views))  # [n, rows, columns]

    @torch.no_grad()
    def step(self, lr: float) -> None:
        gradients = torch.stack([p.grad.flatten(1) for p in self.parameters])
        self.momentum.lerp_(gradients, 1 - MOMENTUM)
        directions = orthogonalised(gradients.lerp(self.momentum, MOMENTUM)).float()
        size = 0.2 * math.sqrt(max(self.momentum.shape[1:])) * lr
        for view, direction in zip(self.views, directions, strict=True):
            view.mul_(1 - lr * DECAY).add_(direction, alpha=-size)


def orthogonalised(matrices: Tensor) -> Tensor:
    """Matrices [n, r, c] in bfloat16 with singular values near 1, by five Newton-Schulz steps."""
    a, b, c = NEWTON_SCHULZ
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.bfloat16()
    x = x.mT if tall else x
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(5):
        gram = x @ x.mT
        update = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        x = torch.baddbmm(x, update, x, beta=a)
    return x.mT if tall else x
