"""Graphs whose shapes are written down instead of computed at every call.

torch exports a reshape together with the computation of its shape, from sizes and by slices and
joins: more than half of all nodes of a network. ONNX's Reshape knows 0, "as long as the input's
axis", and −1, "what is left" (https://onnx.ai/onnx/operators/onnx__Reshape.html), which say the
same for inputs of any size. Which of them an axis is is seen from what the graph itself computes
for inputs of several sizes.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, helper, numpy_helper

# By axis of any length, the lengths that are tried: so different that none is taken for another.
TRIED = {
    "rows": (5, 7, 5), "prompts": (3, 2, 2), "tokens": (11, 13, 17),
    "h": (8, 12, 16), "w": (20, 16, 12), "height": (64, 96, 64), "width": (32, 64, 96),
}  # fmt: skip
Shapes = tuple[tuple[int, ...], ...]  # one of each trial


def written(graph: bytes) -> bytes:
    """The graph with the same answers, in which no shape is computed that can be written down."""
    model = onnx.load_from_string(graph)
    nodes, stored = model.graph.node, {one.name for one in model.graph.initializer}
    reshapes = [node for node in nodes if node.op_type == "Reshape"]
    seen = _seen(model, [n for one in reshapes for n in (one.input[0], one.output[0])], stored)
    for i, node in enumerate(reshapes):
        made, given = seen[node.output[0]], seen.get(node.input[0], ())
        target = [_axis(made, given, axis) for axis in range(len(made[0]))]
        if node.input[1] in stored:
            continue
        if target.count(-1) <= 1:
            node.input[1] = _constant(model.graph, f"{node.output[0]}.shape", target)
        else:  # back to the shape that something had before
            earlier = (one.input[0] for one in reshapes[:i])
            like = next((name for name in earlier if seen.get(name) == made), None)
            if like is not None:
                node.input[1] = _shape_of(model.graph, like)
    _drop_unused(model.graph)
    return model.SerializeToString(deterministic=True)


def _axis(made: Shapes, given: Shapes, axis: int) -> int:
    lengths = {shape[axis] for shape in made}
    if len(lengths) == 1:
        return lengths.pop()
    kept = given and axis < len(given[0]) and all(
        a[axis] == b[axis] for a, b in zip(made, given, strict=True)
    )  # fmt: skip
    return 0 if kept else -1


def _seen(model: ModelProto, names: Sequence[str], stored: set[str]) -> Mapping[str, Shapes]:
    """The shapes of these tensors in each trial."""
    import onnxruntime

    told = ModelProto()
    told.CopyFrom(model)
    known = {one.name for one in model.graph.output} | stored
    asked = [name for name in dict.fromkeys(names) if name not in stored]
    told.graph.output.extend(onnx.ValueInfoProto(name=n) for n in asked if n not in known)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        told.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    trials = zip(*(
        [found.shape for found in session.run(asked, _zeros(model.graph, trial))]
        for trial in range(len(TRIED["rows"]))
    ), strict=True)  # fmt: skip
    return dict(zip(asked, trials, strict=True))


def _zeros(graph: GraphProto, trial: int) -> dict[str, np.ndarray]:
    return {
        one.name: np.zeros(
            [
                axis.dim_value or TRIED[axis.dim_param][trial]
                for axis in one.type.tensor_type.shape.dim
            ],
            helper.tensor_dtype_to_np_dtype(one.type.tensor_type.elem_type),
        )
        for one in graph.input
    }


def _constant(graph: GraphProto, name: str, shape: Sequence[int]) -> str:
    graph.initializer.append(numpy_helper.from_array(np.array(shape, np.int64), name))
    return name


def _shape_of(graph: GraphProto, tensor: str) -> str:
    """The name of a tensor's shape, taken where the tensor is first used: it may be gone later."""
    name = f"{tensor}.shape"
    if all(node.name != name for node in graph.node):
        at = next(i for i, node in enumerate(graph.node) if tensor in node.input)
        graph.node.insert(at, helper.make_node("Shape", [tensor], [name], name))
    return name


def _drop_unused(graph: GraphProto) -> None:
    wanted = {one.name for one in graph.output}
    kept: list[NodeProto] = []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(node.input)
    del graph.node[:]
    graph.node.extend(reversed(kept))
    weights = [one for one in graph.initializer if one.name in wanted]
    del graph.initializer[:]
    graph.initializer.extend(weights)
