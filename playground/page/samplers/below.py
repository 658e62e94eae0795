"""The Samplers lens below the race: errors against calls, and where samplers look and go."""

from dataclasses import dataclass

from playground.page.panel import Panel
from playground.page.samplers import counting, errors, lecture, measured, noising, schedules


@dataclass(frozen=True)
class Below:
    """Its sections, each with a `connect` of its own."""

    sections: tuple

    def connect(self, panel: Panel) -> None:
        """Connect every section to the panel's recipe."""
        for section in self.sections:
            section.connect(panel)


def build() -> Below:
    """Lay out its sections inside the surrounding gradio context."""
    exact = errors.build()
    measured.build()
    schedules.build_plane()
    steps = counting.build()
    schedules.build_grids()
    noised = noising.build()
    thousand = lecture.build()
    return Below((exact, steps, noised, thousand))
