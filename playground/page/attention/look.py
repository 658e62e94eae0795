"""A run that was recorded head by head, as the lens holds it for its visitor."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from playground.attention.summing import Aggregation
from playground.diffusion.guidance import COND, UNCOND
from playground.engine.events import Maps, Picture, Size, Step
from playground.engine.record import RunRecord
from playground.engine.session import PromptFacts
from playground.models import specs
from playground.page.attention.views.attention import Branch, Level, light
from playground.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Look:
    """The part of a run from which the laboratory, its files and worked positions derive.

    By network call: `previews` uint8 [h, w, 3] and `latents` float32 [channels, h, w], what the
    network saw at `timesteps`. `seconds` is what the visitor waited.
    """

    picture: Picture
    branches: Sequence[Branch]
    previews: Sequence[np.ndarray]
    latents: Sequence[np.ndarray]
    timesteps: Sequence[float]
    seconds: float

    @property
    def recipe(self) -> Recipe:
        return self.picture.recipe

    @property
    def name(self) -> str:
        """What its files are called, without their endings."""
        return f"latent-playground-{self.recipe.seed}"

    @property
    def how(self) -> Aggregation:
        """How this model's maps were measured to be summed best."""
        return Aggregation.of(specs.get(self.recipe.model).card)

    @property
    def settled(self) -> list[int]:
        """Which calls count for the finished picture's maps: as in the browser, those that are
        settled or, if none of them has rows of the first branch, all that have.
        """
        recorded, late = self.branches[0].steps, set(self.how.settled(self.timesteps))
        return [call for call in recorded if call in late] or list(recorded)

    def finished_maps(self) -> np.ndarray:
        """Each word's share at the finished picture's resolution [words, height, width]."""
        from playground.attention import heatmaps

        return heatmaps.on_picture(self.word_maps(self.settled), self.picture.image, self.how)

    def word_maps(self, calls: Iterable[int]) -> np.ndarray:
        """Each word's share of the words' attention [words, h, w] in the first branch, summed over
        calls and grids as measured best.
        """
        from playground.attention import heatmaps

        maps = means(self.branches[0], calls)
        # A recording of heads has one column a word, from 1 on.
        words = [replace(word, columns=(i,)) for i, word in enumerate(self.branches[0].words, 1)]
        # At t = 0, which always counts, because the calls have been chosen already.
        return heatmaps.summed([maps], [0.0], words, self.how)


def means(branch: Branch, calls: Iterable[int]) -> Maps:
    """Per grid the mean probabilities [columns, h, w] over these calls and all heads."""
    at = [branch.steps.index(call) for call in calls]
    return {
        level.size: np.mean([level.probabilities(i).mean(0) for i in at], 0)
        for level in branch.levels
    }


def look_of(run: RunRecord, seconds: float) -> Look:
    """What is held of a run that was recorded with its heads."""
    names = {COND: "with words", UNCOND: "without words"}
    if run.recipe.negative:
        names[UNCOND] = "negative words"
    branches = [
        light(_branch(names[branch], run.prompts[branch], branch, run.steps))
        for branch in (COND, UNCOND)
        if any(branch in step.heads for step in run.steps)
    ]
    latents = [step.latents for step in run.steps]
    return Look(run.picture, branches, run.previews, latents, run.timesteps, seconds)


def _branch(name: str, prompt: PromptFacts, branch: str, steps: Sequence[Step]) -> Branch:
    recorded = [step for step in steps if branch in step.heads]
    first = recorded[0].heads[branch]

    def level(size: Size) -> Level:
        codes = np.stack([step.heads[branch][size].codes for step in recorded])
        return Level(first[size].layers, codes)

    grids = sorted(first, reverse=True)  # the finest first
    return Branch(name, prompt.words, [s.index for s in recorded], [level(g) for g in grids])
