"""The gradient of a batch: two halves on two cores, or the whole at once on an accelerator.

At these sizes one operation is too short to be worth sharing between cores: each core computes
its own half of the batch from start to end, and they meet once a step, to add gradients.
"""

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor, nn

CORES = 2


def twin(model: nn.Module) -> nn.Module:
    """A copy that shares the weights' memory but has gradients of its own."""
    other = copy.deepcopy(model)
    for mine, theirs in zip(other.parameters(), model.parameters(), strict=True):
        mine.data = theirs.data
    return other


class Halves:
    """Computes the gradient of `model` on a batch, one part of it on each core."""

    def __init__(self, model: nn.Module):
        self.replicas = [model, *(twin(model) for _ in range(CORES - 1))]
        self.pool = ThreadPoolExecutor(CORES)
        torch.set_num_threads(1)  # the cores are taken already

    def backward(self, loss_of: Callable[..., Tensor], *batch: Tensor) -> Tensor:
        """The loss of `loss_of(model, *batch)`, its mean over the parts; sets the gradients."""

        def part(replica: nn.Module, tensors: tuple[Tensor, ...]) -> Tensor:
            replica.zero_grad()
            loss = loss_of(replica, *tensors)
            loss.backward()
            return loss.detach()

        parts = zip(*(tensor.chunk(CORES) for tensor in batch), strict=True)
        losses = list(self.pool.map(part, self.replicas, parts))
        first, *others = (list(replica.parameters()) for replica in self.replicas)
        with torch.no_grad():
            for mine, *theirs in zip(first, *others, strict=True):
                for parameter in theirs:
                    mine.grad += parameter.grad
                mine.grad /= CORES
        return torch.stack(losses).mean()


class Whole:
    """The same on one batch; `network` is `model` itself or its compiled form."""

    def __init__(self, model: nn.Module, network: nn.Module):
        self.model, self.network = model, network

    def backward(self, loss_of: Callable[..., Tensor], *batch: Tensor) -> Tensor:
        """The loss of `loss_of(network, *batch)`; sets the gradients."""
        self.model.zero_grad()
        loss = loss_of(self.network, *batch)
        loss.backward()
        return loss.detach()
