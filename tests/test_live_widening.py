"""Graphs as the browser opens them: optimized when they are exported, their weights apart."""

import base64
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from playground.live import graphs, node, optimizing

SCRIPT = Path(__file__).parent / "live" / "widening.mjs"
SIDE = 64


def product() -> bytes:
    """x·w + b, and a branch that folds: w is large, b is small, both are float16 numbers."""
    weight = np.random.default_rng(0).normal(size=(SIDE, SIDE)).astype(np.float16)
    weight[0, :4] = [0, -0.0, 6e-8, 65504]  # a subnormal number, and the largest one
    stored = {"w": weight.astype(np.float32), "b": np.float32([0.5, -2] * (SIDE // 2))}
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["xw"]),
        helper.make_node("Add", ["b", "b"], ["two b"]),
        helper.make_node("Add", ["xw", "two b"], ["y"]),
    ]
    sizes = {name: [None, SIDE] for name in "xy"}
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in sizes.items())
    weights = [numpy_helper.from_array(numbers, name) for name, numbers in stored.items()]
    graph = helper.make_graph(nodes, "product", [x], [y], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def test_a_graph_has_the_same_answer_when_its_weights_are_widened_apart(tmp_path):
    plain = product()
    folded = optimizing.optimized(plain)
    assert len(onnx.load_from_string(folded).graph.node) == 1  # Gemm: a product and what is added
    halves = [graphs.halved(plain), graphs.halved(folded)]
    given = json.dumps([base64.b64encode(graph).decode() for graph in halves])
    found = json.loads(node.run(SCRIPT, given=given))
    assert [one["optimized"] for one in found] == [False, True]
    x = np.random.default_rng(1).normal(size=(3, SIDE)).astype(np.float32)
    (expected,) = onnxruntime.InferenceSession(plain).run(None, {"x": x})
    for one in found:
        weights = base64.b64decode(one["weights"])
        assert len(weights) == 4 * SIDE * SIDE
        (tmp_path / one["path"]).write_bytes(weights)
        file = tmp_path / "graph.onnx"
        file.write_bytes(base64.b64decode(one["structure"]))
        types = {each.data_type for each in onnx.load(file).graph.initializer}
        assert types == {TensorProto.FLOAT}
        (answer,) = onnxruntime.InferenceSession(file).run(None, {"x": x})
        np.testing.assert_allclose(answer, expected, rtol=1e-5, atol=1e-2)  # of numbers up to 1e5
