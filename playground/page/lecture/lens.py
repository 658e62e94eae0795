"""The Lecture lens: eleven stops, whose figures are the visitor's own runs, and a self-check."""

from dataclasses import asdict, dataclass, field

import gradio as gr

from playground.page import sections
from playground.page.lecture import check, figures
from playground.page.lecture.stops import PARAMETER, STOPS, shown
from playground.page.lecture.views import check as questions
from playground.page.lecture.views import stops as way
from playground.page.lens import Frame, Lens
from playground.page.panel import PRESS_DRAW, Panel
from playground.page.sections import Section

CHECKERS = 4  # visitors who measure their answers at the same time
CHECK = "check"
LAST = {
    "name": CHECK, "title": "Five questions, answered by measuring", "attempt": "", "lab": "",
    "text": "Choose your answers, then let them be measured on your own words and seed.",
    "section": "", "source": "", "fields": {},
}  # fmt: skip
# The script of the view of all stops answers with what the recipe's widgets shall be.
ASK = (
    "(...values) => { const asked = { values }; document.dispatchEvent("
    "new CustomEvent('playground:lecture', { detail: asked })); return asked.values; }"
)
# A link may name the stop alone.
ARRIVE = f"""() => {{
  const asked = new URLSearchParams(location.search);
  const tabs = [...document.querySelectorAll("#lenses [role=tab]")];
  if (!asked.has("{PARAMETER}") || asked.has("lens")) return;
  tabs.find((tab) => tab.textContent.trim() === "Lecture")?.click();
}}"""


def style() -> str:
    """One stop is shown at a time: `data-stop` of the lens names it."""
    names = [*STOPS, CHECK]
    hidden = ", ".join(f'#lecture:not([data-stop="{name}"]) #stop-{name}' for name in names)
    return f"{hidden} {{ display: none !important; }}\n"


@dataclass(frozen=True)
class Lecture:
    """The view of all stops, their figures in the stops' order, and the self-check."""

    way: gr.HTML
    figures: list[figures.Figure]
    check: Section
    views: dict[str, gr.HTML] = field(default_factory=dict)  # none follows the recipe's run

    @property
    def mirrors(self) -> list[tuple[str, gr.HTML]]:
        return [pair for figure in self.figures for pair in figure.mirrors.items()]

    def connect(self, panel: Panel, tab: gr.Tab) -> None:
        """Let the figures compute from the panel's recipe, and a stop set it for the lab."""
        for figure in self.figures:
            for section in figure.sections:
                section.connect(panel)
            for section in figure.without_recipe:
                section.connect()
            if figure.reasons:
                sections.follow(panel, figure.reasons)
        self.check.connect(panel)
        hidden = {"show_progress": "hidden", "api_visibility": "private"}
        setting = self.way.lab(None, panel.inputs, panel.inputs, js=ASK, **hidden)
        setting.then(None, js=PRESS_DRAW)
        self.way.value = laid_out(list(panel.fields))


def laid_out(names: list[str]) -> dict:
    """The view's data, with the self-check after the last stop."""
    given = shown(names)
    return given | {"stops": [*given["stops"], LAST]}


def build(example: Frame) -> Lecture:
    """Lay out the lens inside the surrounding gradio context."""
    with gr.Column(elem_id="lecture"):
        all_stops = gr.HTML(None, **asdict(way.VIEW), elem_id="lecture-stops")
        found = []
        for name in STOPS:
            with gr.Column(elem_id=f"stop-{name}"):
                found.append(figures.FIGURES[name](example))
        with gr.Column(elem_id=f"stop-{CHECK}"):
            asked = [(question.text, question.options) for question in check.QUESTIONS]
            view = gr.HTML(
                questions.questions(asked), **asdict(questions.VIEW), elem_id="lecture-check"
            )
            with gr.Row(equal_height=True):
                start, stop = sections.buttons("lecture-check", "Measure the answers")
    own = Section(start, stop, [view], questions, check.measure, CHECKERS)
    return Lecture(all_stops, found, own)


LENS = Lens("Lecture", build, style=style(), script=ARRIVE)
