"""Graphs that share one file of weights.

Two serialized messages one after the other are one message, whose lists are joined
(https://protobuf.dev/programming-guides/encoding/#last-one-wins). So a graph's file is its
structure, then its weights; and the structure of another graph, followed by the same weights, is
that other graph as a whole.
"""

import hashlib
from collections.abc import Sequence

import onnx
from onnx import numpy_helper

STORED = ".half"  # how names of stored weights end: no name that torch gives ends so


def split(graph: bytes) -> tuple[bytes, bytes]:
    """A graph's structure, with its small constants, and its stored weights."""
    model, weights = onnx.load_from_string(graph), onnx.ModelProto()
    kept, stored = [], []
    for one in model.graph.initializer:
        (stored if one.name.endswith(STORED) else kept).append(one)
    weights.graph.initializer.extend(stored)
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    return _serialized(model), _serialized(weights)


def adopted(graph: bytes, weights: bytes) -> bytes:
    """The structure of a graph that is given the stored `weights` of another one.

    Its own weights are found there by their numbers, because torch names some of them by order;
    what is not there stays in the structure.
    """
    model = onnx.load_from_string(graph)
    known = {_digest(w): w.name for w in onnx.load_from_string(weights).graph.initializer}
    given = {w.name: known[_digest(w)] for w in model.graph.initializer if _digest(w) in known}
    kept = [w for w in model.graph.initializer if w.name not in given]
    for i, one in enumerate(kept):
        if one.name.endswith(STORED):  # a name that the weights may have too
            given[one.name] = f"own {i}"
            one.name = f"own {i}"
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    for node in model.graph.node:
        node.input[:] = [given.get(name, name) for name in node.input]
    return _serialized(model)


def named(graph: bytes, outputs: Sequence[str]) -> bytes:
    """The graph with its outputs called so: torch forgets the name of one that is a weight."""
    model = onnx.load_from_string(graph)
    for output, name in zip(model.graph.output, outputs, strict=True):
        if output.name != name:
            model.graph.node.append(onnx.helper.make_node("Identity", [output.name], [name]))
            output.name = name
    return _serialized(model)


def _digest(weight: onnx.TensorProto) -> bytes:
    content = numpy_helper.to_array(weight)
    return hashlib.sha256(f"{content.dtype} {content.shape} ".encode() + content.tobytes()).digest()


def _serialized(model: onnx.ModelProto) -> bytes:
    return model.SerializeToString(deterministic=True)
