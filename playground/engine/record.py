"""What a finished run is: its recipe, its prompts, every step, the picture.

Every view, file, sweep and link derives from it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from playground.attention.summing import Aggregation
from playground.diffusion.guidance import COND, UNCOND
from playground.engine.events import Event, Maps, Picture, Size, Step
from playground.engine.session import PromptFacts, Session

MASSES = ("start", "content", "end", "padding")  # what attention can go to, in this order


@dataclass(frozen=True, eq=False)
class RunRecord:
    """`prompts` by branch (cond, uncond); `preview_map` [channels + 1, 3] from latents to RGB."""

    prompts: dict[str, PromptFacts]
    steps: tuple[Step, ...]
    picture: Picture
    preview_map: np.ndarray

    @property
    def recipe(self):
        return self.picture.recipe

    @property
    def prompt(self) -> PromptFacts:
        return self.prompts[COND]

    @property
    def timesteps(self) -> list[float]:
        return [step.level.t for step in self.steps]

    @property
    def previews(self) -> list[np.ndarray]:
        """The guided pred_x0 of every call, uint8 [h, w, 3]."""
        return [step.preview for step in self.steps]

    @property
    def has_maps(self) -> bool:
        """Whether there are words whose attention was recorded at every call."""
        return bool(self.prompt.words) and all(step.maps for step in self.steps)

    def _maps(self) -> list[Maps]:
        """Token maps of the calls that were recorded."""
        return [step.maps for step in self.steps if step.maps]

    def colours(self, latents: np.ndarray) -> np.ndarray:
        """RGB [h, w, 3] of latents [channels, h, w] before clipping to the range of a screen."""
        return np.moveaxis(latents, 0, -1) @ self.preview_map[:-1] + self.preview_map[-1]

    def shares(self) -> dict[Size, np.ndarray]:
        """Per grid [steps, words, h, w]: each word's share of the words' attention; empty if not
        every call was recorded.
        """
        if not self.has_maps:
            return {}
        from playground.attention import heatmaps

        maps, words = self._maps(), self.prompt.words
        return {
            size: heatmaps.shares(np.stack([each[size] for each in maps]), words)
            for size in maps[0]
        }

    def masses(self) -> dict[Size, np.ndarray]:
        """Per grid [steps, 4]: the mean attention on start, content, end tokens and padding."""
        if not self.has_maps:
            return {}
        roles = np.array(self.prompt.roles)
        belongs = np.stack([roles == role for role in MASSES])  # [4, columns]
        maps = self._maps()
        return {
            size: np.stack([belongs @ each[size].mean((1, 2)) for each in maps]) for size in maps[0]
        }

    def text_shares(self) -> dict[Size, np.ndarray]:
        """Per grid [steps, h, w]: the part of every position's attention that goes to the text.

        1 in cross-attention; in joint attention the rest goes to the image. Empty if not every call
        was recorded.
        """
        if not self.has_maps:
            return {}
        maps = self._maps()
        return {size: np.stack([each[size].sum(0) for each in maps]) for size in maps[0]}

    def word_maps(self, how: Aggregation) -> np.ndarray | None:
        """Each word's share of the words' attention [words, h, w], summed over calls and grids.

        None if no call was recorded or there are no words.
        """
        if not self._maps() or not self.prompt.words:
            return None
        from playground.attention import heatmaps

        times = [step.level.t for step in self.steps if step.maps]
        return heatmaps.summed(self._maps(), times, self.prompt.words, how)

    def png(self) -> bytes:
        """The picture as a file that carries its recipe."""
        return self.picture.png()


def record_of(session: Session, steps: Sequence[Step], picture: Picture) -> RunRecord:
    """The record of a cell, from its events."""
    recipe = picture.recipe
    texts = {COND: recipe.prompt, UNCOND: recipe.negative}
    said = {branch: session.describe(text, branch) for branch, text in texts.items()}
    return RunRecord(said, tuple(steps), picture, session.facts.preview_map)


def records(session: Session, events: Iterator[Event]) -> Iterator[Event | RunRecord]:
    """The events of a run; a finished cell's record in the place of its picture."""
    steps: dict[int, list[Step]] = {}
    for event in events:
        if isinstance(event, Step):
            steps.setdefault(event.cell, []).append(event)
        if isinstance(event, Picture):
            yield record_of(session, steps.pop(event.cell, []), event)
        else:
            yield event
