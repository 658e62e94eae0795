"""The endpoints, one record each: HTTP, gradio's API, MCP tools, the command line and docs/api.md
are made from this table. Names and parameters are stable: what is added later is optional.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playground.api import answers, parameters
from playground.api.answers import Answer
from playground.api.parameters import RECIPE, Parameter
from playground.api.service import Caller, Service

VERSION = "v1"
_NOT_IN_A_RACE = ("sampler", "steps")  # lanes have their own


@dataclass(frozen=True)
class Endpoint:
    """`about` says what it does, `returns` what comes back besides pictures. Endpoints that draw
    have `picture`, which says what the first picture shows, and let so many callers in at once.
    """

    name: str
    about: str
    returns: str
    answer: Callable[[dict[str, Any], Service, Caller], Answer]
    parameters: tuple[Parameter, ...] = ()
    picture: str = ""
    several: bool = False  # more pictures than the first one

    def ask(self, given: object, service: Service, caller: Caller) -> Answer:
        """Raises ValueError with one sentence for what cannot be, BusyError for too many callers,
        DrawingFailedError if the drawing failed.
        """
        values = parameters.filled(self.parameters, given)
        if not self.picture:
            return self.answer(values, service, caller)
        with service.gate.entered():
            return self.answer(values, service, caller)


ENDPOINTS = {
    one.name: one
    for one in (
        Endpoint(
            "draw", "Draw a picture from words.",
            "the recipe, its link, seconds, network calls, rows, and what the oracle sees",
            answers.draw, RECIPE, "the picture, a PNG that carries its recipe",
        ),
        Endpoint(
            "explain", "Draw a picture and show where attention to each of its words went. A map "
            "says where attention went, not what caused a pixel.",
            "what draw returns, and the words with their maps",
            answers.explain, (*RECIPE, parameters.MAP_KIND, parameters.OVERLAY),
            "the picture under the map of each word, side by side; with arrays the picture alone",
            True,
        ),
        Endpoint(
            "sweep", "Draw the same recipe with several values of one field, from one noise.",
            "each value with its network calls and what the oracle sees",
            answers.sweep, (*RECIPE, parameters.FIELD, parameters.VALUES),
            "all pictures side by side", True,
        ),
        Endpoint(
            "race", "Draw the same recipe with several samplers and counts, from one noise.",
            "each lane with its sampler, steps, network calls and rows",
            answers.race,
            (*(one for one in RECIPE if one.name not in _NOT_IN_A_RACE), parameters.SAMPLERS,
             parameters.COUNT, parameters.GUIDANCES, parameters.UNIT),
            "all pictures in a table: a row for each sampler, a column for each count", True,
        ),
        Endpoint(
            "models", "List the built-in models, and the others that are offered.",
            "each model’s name, sizes, defaults, samplers, and what w means for it; others is null "
            "where any may be named", answers.models,
        ),
        Endpoint(
            "samplers", "List the samplers.",
            "each sampler’s name, accuracy order and network calls a step", answers.samplers,
        ),
    )
}  # fmt: skip


def get(name: str) -> Endpoint:
    """Raises ValueError for a name that is not there."""
    if name not in ENDPOINTS:
        raise ValueError(
            f"There is no {name[:40]!r} to ask for; there are: {', '.join(ENDPOINTS)}."
        )
    return ENDPOINTS[name]
