"""The live figures of the lecture: views of other lenses, fed with the visitor's own run.

Some show once more what the recipe's run has shown already; others compute when asked.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field

import gradio as gr

from playground.page import fits, sections
from playground.page.attention import runs as looking
from playground.page.attention.look import Look
from playground.page.attention.views import worked
from playground.page.family import drawing, measured, systems
from playground.page.family.views import drawn
from playground.page.family.views import systems as table
from playground.page.guidance import sweeping, training
from playground.page.guidance.views import filmstrip, lookahead, toy
from playground.page.lecture import fair
from playground.page.lecture.views import listened, reverse
from playground.page.lens import Frame
from playground.page.samplers import lecture as thousand
from playground.page.samplers import noising
from playground.page.samplers.views import lecture as lanes
from playground.page.samplers.views import noising as noised
from playground.page.sections import Section
from playground.page.shared import tradeoff
from playground.page.studio.views import pipeline
from playground.recipe import Recipe

SCALES = "0, 1, 3, 7, 12, 25"
AT_ONCE = 2  # visitors who compute the same figure at the same time


@dataclass(frozen=True)
class Figure:
    """`mirrors`: views that show once more what the view of that name shows. `sections` compute
    when asked; those without a panel do not depend on the recipe. `reasons`: parts of the page that
    the figure needs, each with the line that says why a model lacks it.
    """

    mirrors: Mapping[str, gr.HTML] = field(default_factory=dict)
    sections: tuple[Section, ...] = ()
    without_recipe: tuple[Section, ...] = ()
    reasons: Mapping[str, gr.Markdown] = field(default_factory=dict)  # see `sections.follow`


def _view(module, value, name: str) -> gr.HTML:
    return gr.HTML(value, **asdict(module.VIEW), elem_id=f"lecture-{name}")


def _asked(
    name: str, button: str, module, frames: Callable[..., Iterator], value=None, **more
) -> Section:
    """A view with its Start and Stop."""
    with gr.Row(equal_height=True):
        start, stop = sections.buttons(f"lecture-{name}", button)
    view = _view(module, value, name)
    return Section(start, stop, [view], module, frames, AT_ONCE, **more)


def _noise(example: Frame) -> Figure:
    own = _asked("noise", "Noise my picture", noised, noising.of_recipe)
    return Figure(sections=(own,))


def _reverse(example: Frame) -> Figure:
    return Figure({"explorer": _view(reverse, None, "reverse")})


def _conditioning(example: Frame) -> Figure:
    shown = _view(listened, None, "listened")
    if measured.TOLD.exists():
        gr.Markdown("The three ways, measured on a toy: " + measured.TOY)
        _view(
            tradeoff,
            measured.telling(json.loads(measured.TOLD.read_text(encoding="utf-8"))),
            "telling",
        )
    return Figure({"explorer": shown})


def work_out(recipe: Recipe, visitor: str | None = None) -> Iterator[dict]:
    """The middle of the recipe's picture, worked out at the last call."""
    fits.require(recipe, "worked")
    for event in looking.closer(recipe, visitor, "lecture worked"):
        if isinstance(event, Look):
            yield looking.finished(event)["worked"]
        else:
            yield worked.message(event["text"])


def _worked(example: Frame) -> Figure:
    gr.Markdown("At first: the middle of “a red square”.")
    value = example.get("worked")
    own = _asked("worked", "Work out the middle of my picture", worked, work_out, value)
    return Figure(sections=(own,))


def _compasses(example: Frame) -> Figure:
    look = _view(lookahead, None, "lookahead")
    gr.Markdown(training.TEXT)
    learn = _asked("toy", "Train three tiny denoisers", toy, lambda _: training.learn())
    return Figure({"lookahead": look}, without_recipe=(learn,))


def sweep(recipe: Recipe, visitor: str | None = None) -> Iterator[dict]:
    yield from sweeping.sweep(recipe, "guidance", SCALES, visitor)


def _scale(example: Frame) -> Figure:
    reasons = {"without words": sections.reason("without words")}
    own = _asked("scale", f"Draw w = {SCALES}", filmstrip, sweep)
    return Figure(sections=(own,), reasons=reasons)


def _latents(example: Frame) -> Figure:
    return Figure({"pipeline": _view(pipeline, None, "pipeline")})


def _thousand(example: Frame) -> Figure:
    own = _asked("thousand", "Run both", lanes, thousand.race)
    return Figure(sections=(own,))


def _fair(example: Frame) -> Figure:
    own = _asked("fair", f"Race at {fair.CALLS} network calls", lanes, fair.race)
    return Figure(sections=(own,))


def family(recipe: Recipe, visitor: str | None = None) -> Iterator[dict]:
    for models, _ in drawing.draw(recipe, visitor):
        yield models


def _family(example: Frame) -> Figure:
    own = _asked("family", "Draw with all three", drawn, family, example.get("family"))
    return Figure(sections=(own,))


def _tree(example: Frame) -> Figure:
    _view(table, systems.shown(), "systems")
    return Figure()


FIGURES: dict[str, Callable[[Frame], Figure]] = {
    "noise": _noise,
    "reverse": _reverse,
    "conditioning": _conditioning,
    "worked": _worked,
    "compasses": _compasses,
    "scale": _scale,
    "latents": _latents,
    "thousand": _thousand,
    "fair": _fair,
    "family": _family,
    "tree": _tree,
}
