"""Networks with weights of 8 bits, for visitors who would rather fetch half the bytes.

Each large weight becomes whole numbers q in −127 … 127 with one scale s for each output channel,
w ≈ s·q, s = max|w| / 127 (symmetric, per channel: Jacob et al. 2018, arXiv:1712.05877, section 3).
ONNX Runtime multiplies them once, while it loads the graph: the network computes in float32 as
before, with other numbers.

ONNX Runtime's kernels that compute in 8 bits (`quantize_dynamic`) make a call a third shorter, but
they round the activations by the largest of all rows of a call. What is drawn beside a picture
would then change it, by 3 % of the prediction: a recipe would be no longer one picture.
"""

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

SMALLEST = 1024  # numbers of a weight that is worth a scale for each of its channels
LEVELS = 127


def rounded(graph: bytes) -> bytes:
    """The graph (of `graphs.halved`) with the weights of convolutions and products rounded."""
    model = onnx.load_from_string(graph)
    casts = {node.input[0]: node.output[0] for node in model.graph.node if node.op_type == "Cast"}
    users = {node.input[1]: node for node in model.graph.node if len(node.input) > 1}
    weights, made = [], {}
    for weight in model.graph.initializer:
        name, numbers = casts.get(weight.name, weight.name), numpy_helper.to_array(weight)
        axis = _channels(users.get(name), numbers)
        if axis is None:
            weights.append(weight)
        else:
            stored, made[name] = _stored(name, numbers.astype(np.float32), axis)
            weights += stored
    others = [node for node in model.graph.node if node.output[0] not in made]
    nodes = [*(node for pair in made.values() for node in pair), *others]
    whole = helper.make_graph(
        nodes, model.graph.name, model.graph.input, model.graph.output, weights
    )  # fmt: skip
    return helper.make_model(
        whole, opset_imports=model.opset_import, ir_version=model.ir_version
    ).SerializeToString(deterministic=True)


def _channels(user: NodeProto | None, numbers: np.ndarray) -> int | None:
    """The axis of a weight's output channels; None if it is not rounded."""
    if user is None or numbers.ndim < 2 or numbers.size < SMALLEST:
        return None
    turned = any(one.name == "transB" and one.i for one in user.attribute)
    last = numbers.ndim - 1
    axes = {"Conv": 0, "ConvTranspose": 1, "MatMul": last, "Gemm": 0 if turned else last}
    return axes.get(user.op_type)


def _stored(name: str, numbers: np.ndarray, axis: int) -> tuple[list[TensorProto], list[NodeProto]]:
    """A weight as whole numbers and a scale for each channel, and the nodes that multiply them."""
    others = tuple(i for i in range(numbers.ndim) if i != axis)
    scales = np.abs(numbers).max(axis=others, keepdims=True) / np.float32(LEVELS)
    scales[scales == 0] = 1
    codes = np.rint(numbers / scales).astype(np.int8)
    whole, scale, wide = f"{name}.codes", f"{name}.scales", f"{name}.wide"
    stored = [numpy_helper.from_array(codes, whole), numpy_helper.from_array(scales, scale)]
    return stored, [
        helper.make_node("Cast", [whole], [wide], wide, to=TensorProto.FLOAT),
        helper.make_node("Mul", [wide, scale], [name], f"{name}.scaled"),
    ]
