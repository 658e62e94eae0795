"""A graph that is prepared, with an error in one of its outputs."""

from playground.engine.backends.graph import Graph


class Off:
    """`wrong` is what `Onnx.prepare` calls that output: predictions, pixels, or maps of a grid."""

    def __init__(self, graph: Graph, wrong: str, error: float):
        self.graph, self.wrong, self.error, self.checked = graph, wrong, error, graph.checked

    def __call__(self, *question):
        predictions, recorder = self.graph(*question)
        if self.wrong == "predictions":
            predictions[-1, 0, 0, 0] += self.error
        for grid, sums in recorder.sums.items():
            if self.wrong == f"maps of {grid}":
                sums[0, 0, 0] += self.error * len(recorder.layers[grid])
        return predictions, recorder

    def pixels(self, latents):
        return self.graph.pixels(latents) + (self.error if self.wrong == "pixels" else 0)
