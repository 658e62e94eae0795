"""Layers of the exported copies that diffusers computes twice, in pieces, or from more operations.

Each gives the same numbers up to rounding. Those with a `symbolic` are one operation of ONNX
Runtime, and PyTorch's own operations where PyTorch computes them.
"""

import torch
from diffusers.models.activations import GEGLU, GELU
from diffusers.models.normalization import RMSNorm
from torch import Tensor, nn
from torch.nn import functional


class MultiHeadAttention(torch.autograd.Function):
    """PyTorch's attention of queries, keys, values [n, positions, width], as ONNX Runtime's own.

    One fused operation for all heads is a third faster than its parts.
    """

    @staticmethod
    def forward(ctx, query, key, value, heads: int, scale: float):
        q, k, v = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (query, key, value))
        mixed = functional.scaled_dot_product_attention(q, k, v, scale=scale)
        return mixed.transpose(1, 2).flatten(2)

    @staticmethod
    def symbolic(graph, query, key, value, heads: int, scale: float):
        name = "com.microsoft::MultiHeadAttention"
        return graph.op(name, query, key, value, num_heads_i=heads, scale_f=scale).setType(
            query.type()
        )


class SplitGEGLU(nn.Module):
    """diffusers' GEGLU with a linear for the values and one for their gates (Shazeer 2020).

    The result of a single linear would have to be split, which copies all of it.
    """

    def __init__(self, whole: GEGLU):
        super().__init__()
        weights, biases = whole.proj.weight.chunk(2), whole.proj.bias.chunk(2)
        self.linears = nn.ModuleList(map(_linear, weights, biases))

    def forward(self, hidden_states: Tensor) -> Tensor:
        values, gates = (linear(hidden_states) for linear in self.linears)
        return values * functional.gelu(gates)


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0])
    linear.weight, linear.bias = nn.Parameter(weight), nn.Parameter(bias)
    return linear


class FusedGELU(nn.Module):
    """diffusers' GELU in its approximation by tanh (Hendrycks & Gimpel 2016, arXiv 1606.08415)."""

    def __init__(self, gelu: GELU):
        super().__init__()
        self.proj = gelu.proj

    def forward(self, hidden_states: Tensor) -> Tensor:
        return _TanhGELU.apply(self.proj(hidden_states))


class _TanhGELU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return functional.gelu(x, approximate="tanh")

    @staticmethod
    def symbolic(graph, x):
        return graph.op("com.microsoft::FastGelu", x).setType(x.type())


class FusedRMSNorm(nn.Module):
    """diffusers' RMSNorm of the last axis, with a weight (Zhang & Sennrich 2019, arXiv 1910.07467).

    x / √(mean x² + ε)
    """

    def __init__(self, norm: RMSNorm):
        super().__init__()
        self.weight, self.eps = norm.weight, norm.eps

    def forward(self, hidden_states: Tensor) -> Tensor:
        return _RMSNorm.apply(hidden_states, self.weight, self.eps)


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, eps: float):
        return functional.rms_norm(x, weight.shape, weight, eps)

    @staticmethod
    def symbolic(graph, x, weight, eps: float):
        name = "SimplifiedLayerNormalization"  # ONNX Runtime has it among ONNX's own
        return graph.op(name, x, weight, axis_i=-1, epsilon_f=eps, stash_type_i=1).setType(x.type())
