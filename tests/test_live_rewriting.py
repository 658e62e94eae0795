"""What is changed in a browser's graph so that a call computes less: shapes, and doubled sides."""

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from playground.engine.backends import exported
from playground.live import graphs, optimizing, reshaping, upsampling

SIZE = graphs.SIZE
SIDES = ((1, 4, 6), (2, 6, 10), (3, 2, 2))  # rows, h, w: none of them is tried while rewriting


class Heads(nn.Module):
    """Every kind of reshape of a network: groups, positions and heads, and back to where it was."""

    def __init__(self):
        super().__init__()
        self.norm, self.linear = nn.GroupNorm(2, 8), nn.Linear(8, 8)

    def forward(self, x):
        n, c, h, w = x.shape
        positions = self.norm(x).permute(0, 2, 3, 1).reshape(n, h * w, c)
        heads = self.linear(positions).unflatten(-1, (2, -1)).transpose(1, 2)
        joined = heads.softmax(-1).transpose(1, 2).flatten(2)
        return x + joined.reshape(n, h, w, c).permute(0, 3, 1, 2)


class Doubled(nn.Module):
    def __init__(self, factor: float = 2.0, padding: int = 1):
        super().__init__()
        self.factor, self.conv = factor, nn.Conv2d(8, 5, 3, padding=padding)
        nn.init.normal_(self.conv.bias)

    def forward(self, x):
        return self.conv(nn.functional.interpolate(x, scale_factor=self.factor, mode="nearest"))


def graph_of(module: nn.Module) -> bytes:
    axes = {"x": SIZE, "y": SIZE}
    return exported.graph_of(module.eval(), (torch.zeros(2, 8, 4, 4),), ("x",), ("y",), axes)


def operations(graph: bytes) -> Counter:
    return Counter(node.op_type for node in onnx.load_from_string(graph).graph.node)


def assert_same(graph: bytes, module: nn.Module, **close) -> None:
    session = onnxruntime.InferenceSession(graph)
    for n, h, w in SIDES:
        x = torch.randn(n, 8, h, w, generator=torch.Generator().manual_seed(n))
        with torch.no_grad():
            expected = module(x).numpy()
        np.testing.assert_allclose(session.run(None, {"x": x.numpy()})[0], expected, **close)


def test_shapes_are_written_down_and_hold_for_other_sizes():
    module = Heads()
    before = graph_of(module)
    after = reshaping.written(before)
    assert_same(after, module, rtol=1e-5, atol=1e-6)
    kinds = operations(after)
    assert not {"Slice", "Gather", "Unsqueeze"} & set(kinds)
    assert kinds["Shape"] == 2 < operations(before)["Shape"]  # back to what norm and rows had


def test_doubled_sides_are_convolved_with_a_quarter_of_the_products():
    module = Doubled()
    module.half().float()  # float16 numbers, as a published network's weights are
    after = upsampling.transposed(optimizing.optimized(graph_of(module)))
    kinds = operations(after)
    assert kinds["ConvTranspose"] == kinds["AveragePool"] == 1
    assert not {"Resize", "Conv"} & set(kinds)
    assert_same(after, module, rtol=1e-4, atol=1e-5)
    stored = onnx.load_from_string(graphs.halved(after)).graph.initializer
    assert all(
        one.data_type == onnx.TensorProto.FLOAT16 for one in stored
    )  # four times each is one


@pytest.mark.parametrize("module", [Doubled(3.0), Doubled(padding=0)])
def test_other_upsampling_stays_as_it_is(module):
    graph = optimizing.optimized(graph_of(module))
    assert operations(upsampling.transposed(graph)) == operations(graph)
