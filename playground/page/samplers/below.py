"""The Samplers lens below the race: errors against calls, and where samplers look and go."""

from dataclasses import dataclass

import gradio as gr

from playground.page import sections
from playground.page.panel import Panel
from playground.page.samplers import counting, errors, lecture, measured, noising, schedules


@dataclass(frozen=True)
class Below:
    """Its sections, each with a `connect` of its own."""

    parts: tuple
    reasons: dict[str, gr.Markdown]  # why parts do not fit the model

    def connect(self, panel: Panel) -> None:
        """Connect every section to the panel's recipe."""
        for section in self.parts:
            section.connect(panel)
        sections.follow(panel, self.reasons)


def build() -> Below:
    """Lay out its sections inside the surrounding gradio context."""
    reasons = {}
    exact = errors.build(reasons)
    measured.build()
    schedules.build_plane()
    steps = counting.build()
    grids = schedules.build_grids()
    noised = noising.build()
    thousand = lecture.build(reasons)
    return Below((exact, steps, grids, noised, thousand), reasons)
