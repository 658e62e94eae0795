"""The Samplers lens below the race: distance to the truth, and where samplers look and go."""

from dataclasses import dataclass

from playground.ui import (
    samplers_counting,
    samplers_errors,
    samplers_lecture,
    samplers_measured,
    samplers_noising,
    samplers_schedules,
)
from playground.ui.recipe_panel import Panel


@dataclass(frozen=True)
class Lens:
    """Its sections, each with a `connect` of its own."""

    sections: tuple

    def connect(self, panel: Panel) -> None:
        """Let every section begin from the panel's recipe."""
        for section in self.sections:
            section.connect(panel)


def build() -> Lens:
    """Lay out the lens inside the surrounding gradio context."""
    errors = samplers_errors.build()
    samplers_measured.build()
    samplers_schedules.build_plane()
    counting = samplers_counting.build()
    samplers_schedules.build_grids()
    noising = samplers_noising.build()
    lecture = samplers_lecture.build()
    return Lens((errors, counting, noising, lecture))
