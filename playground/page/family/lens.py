"""The Family lens: three models on one prompt and seed, what is in them, who else there is."""

from dataclasses import asdict, dataclass, field

import gradio as gr

from playground.page import sections
from playground.page.family import drawing, measured, policy, systems
from playground.page.family.views import drawn, inside
from playground.page.family.views import systems as table
from playground.page.lens import Frame, Lens
from playground.page.panel import Panel
from playground.page.sections import Section
from playground.recipe import Recipe

INTRO = (
    "Three models of one world, with the same text encoder and autoencoder. Your words, seed, w "
    "and size; each model with its own sampler and steps."
)
INSIDE = (
    "### Where the words enter\n"
    "Drawn from each network’s configuration, with the shapes of the run above."
)
SYSTEMS = (
    "### The family of systems\n"
    "What their makers have published, from the sources named; what they have not is said so."
)
DRAWERS = 4  # visitors at the same time; each draws with one model after the other


@dataclass(frozen=True)
class Family:
    section: Section
    views: dict[str, gr.HTML] = field(default_factory=dict)  # none follows the recipe's run

    def connect(self, panel: Panel, tab: gr.Tab) -> None:
        """Draw the panel's recipe with all three."""
        self.section.connect(panel)


def build(example: Frame) -> Family:
    """Lay out the lens inside the surrounding gradio context."""
    gr.Markdown(INTRO)
    with gr.Row(equal_height=True):
        start, stop = sections.buttons("family", "Draw with all three")
    models = gr.HTML(example.get("family"), **asdict(drawn.VIEW), elem_id="family")
    gr.Markdown(INSIDE)
    networks = gr.HTML(example.get("inside"), **asdict(inside.VIEW), elem_id="inside")
    measured.build()
    gr.Markdown(SYSTEMS)
    gr.HTML(systems.shown(), **asdict(table.VIEW), elem_id="systems")
    policy.build(example)
    return Family(Section(start, stop, [models, networks], drawn, _frames, DRAWERS))


def _frames(recipe: Recipe, visitor: str | None):
    for models, networks in drawing.draw(recipe, visitor):
        yield models, gr.skip() if networks is None else networks


def example() -> Frame:
    """What the lens shows on opening: the usual recipe drawn by all three, and a robot's paths."""
    *_, (models, networks) = drawing.draw(Recipe())
    if networks is None:
        raise ValueError(models["text"])
    return {"family": models, "inside": networks, "policy": policy.example()}


LENS = Lens("Family", build, example=example)
