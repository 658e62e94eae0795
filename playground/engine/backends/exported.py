"""Modules exported once as graphs, which ONNX Runtime computes in float32."""

import io
import os
import sys
import threading
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import nn

ROWS = {0: "rows"}  # axes of any length, by number
EXPORTING = threading.Lock()  # torch keeps the state of an export for the whole process
GIVES_WAY = 5  # by so much nicer than the threads that answer visitors


def graph_of(
    module: nn.Module, example: tuple, inputs: Sequence[str], outputs: Sequence[str],
    axes: Mapping[str, dict[int, str]] | None = None,
    training: torch.onnx.TrainingMode = torch.onnx.TrainingMode.EVAL,
) -> bytes:  # fmt: skip
    """A module as ONNX; `axes` are those of any length, by input and output, if not ROWS."""
    file = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        # The tracer warns of every size that it treats as constant; here they are constant.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, example, file, dynamo=False, opset_version=17,  # type: ignore[arg-type]
            input_names=list(inputs), output_names=list(outputs), training=training,
            dynamic_axes={name: (axes or {}).get(name, ROWS) for name in (*inputs, *outputs)},
        )  # fmt: skip
    return file.getvalue()


class Exported:
    """A module that ONNX Runtime computes; `axes` are those of any length that are not ROWS.

    Two callers compute half of the rows each, at the same time. With two cores this is a sixth
    faster than one call with all threads, because threads that share an operation must wait for
    each other at its end. If there is only one part, it is computed with all threads.
    """

    def __init__(
        self, module: nn.Module, example: tuple, inputs: Sequence[str], outputs: Sequence[str],
        axes: Mapping[str, dict[int, str]] | None = None,
    ):  # fmt: skip
        file = io.BytesIO()
        with EXPORTING, torch.no_grad(), warnings.catch_warnings():
            # The tracer warns of every size that it treats as constant; here they are constant.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module, example, file, dynamo=False, opset_version=17,  # type: ignore[arg-type]
                input_names=list(inputs), output_names=list(outputs),
                dynamic_axes={name: (axes or {}).get(name, ROWS) for name in (*inputs, *outputs)},
            )  # fmt: skip
        threads = torch.get_num_threads()
        self._alone = _session(file.getvalue(), threads)
        self._beside = _session(file.getvalue(), max(1, threads - 1))  # both callers compute
        self._callers = ThreadPoolExecutor(2, initializer=_give_way)

    def __call__(
        self, names: Sequence[str], parts: Sequence[dict[str, np.ndarray]]
    ) -> list[list[np.ndarray]]:
        """The outputs called `names`, for the inputs of each part."""
        if len(parts) == 1:
            return [self._alone.run(names, parts[0])]
        return list(self._callers.map(lambda inputs: self._beside.run(names, inputs), parts))


def _give_way() -> None:
    """The threads that compute the parts of a call let others have the cores first. Measured with
    two cores: fifty visitors who ask at the same moment are told a quarter sooner how many are
    before them, and pictures take as long as before.
    """
    if sys.platform == "linux":  # elsewhere this would be said of the whole process
        os.nice(GIVES_WAY)


def _session(graph: bytes, threads: int):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads spin between two operations of a call but sleep between two calls, so that PyTorch and
    # other processes can use the cores.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
