"""Graphs as ONNX Runtime would change them while it opens them, so that a browser need not.

Folding constants and joining operations takes a browser as long as all else that it does to open a
network. What depends on the machine is left out (https://onnxruntime.ai/docs/performance/
model-optimizations/graph-optimizations.html: levels basic and extended).
"""

import tempfile
from pathlib import Path

import onnx

from playground.engine.backends import exported
from playground.live import reshaping, upsampling

PRODUCER = "latent-playground"  # by which js/engine/widening.js knows that nothing is left to do
# Operations that WebGPU does not have, and new weights that are no float16 numbers any more.
LEFT = ("BiasGeluFusion", "MatMulScaleFusion", "ConvAddFusion", "ConvBNFusion", "ConvMulFusion")


def graph_of(*module, **options) -> bytes:
    """`exported.graph_of`, optimized, with fewer products and no shapes to compute."""
    graph = optimized(exported.graph_of(*module, **options))
    return reshaping.written(upsampling.transposed(graph))


def optimized(graph: bytes) -> bytes:
    """The graph with the same inputs, outputs and numbers, and fewer nodes."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.log_severity_level = 3  # else it warns of what a written graph must not depend on
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "graph.onnx"
        options.optimized_model_filepath = str(written)
        onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"], disabled_optimizers=list(LEFT)
        )
        model = onnx.load(written)
    model.producer_name = PRODUCER
    return model.SerializeToString(deterministic=True)
