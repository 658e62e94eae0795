"""Tasks for an engine and the events that it returns: plain records and arrays, no tensors.

They cross threads, processes and networks, and a page, a file or another machine reads them
without torch.
"""

import functools
import io
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image

from playground.diffusion import levels
from playground.diffusion.levels import Level
from playground.recipe import Recipe

Size = tuple[int, int]  # (h, w) of a grid of spatial positions
Maps = dict[Size, np.ndarray]  # token maps [columns, h, w], float32
STAGES = ("words", "network", "solver", "decoder")


class Heads(NamedTuple):
    """Every head of the layers of one grid size.

    `codes` uint8 [layers·heads, columns, h, w], p = (code/255)², layer by layer in the order of
    computation; `layers` names each of the layers.
    """

    layers: tuple[str, ...]
    codes: np.ndarray


@dataclass(frozen=True, eq=False)
class Given:
    """A picture that is there already: its latents [channels, h, w], and the levels at which
    it is read, one network call each.
    """

    latents: np.ndarray
    levels: tuple[Level, ...]


@dataclass(frozen=True)
class Task:
    """What one cell computes: the picture of a recipe, or a run that no recipe describes.

    `steps` replaces the recipe's, up to every training timestep. `exact` asks for the exact
    solution of the recipe's ODE instead, which starts from its noise times this number. `given` is
    a picture to be read: nothing is drawn, the recipe says the words and the noise.
    """

    recipe: Recipe
    steps: int | None = None
    exact: float | None = None
    given: Given | None = None

    @classmethod
    def of(cls, wanted: "Task | Recipe") -> "Task":
        return wanted if isinstance(wanted, Task) else cls(wanted)


@dataclass(frozen=True, eq=False)
class Step:
    """One network call of one cell. Latents are float32 [channels, h, w]."""

    cell: int
    index: int  # of this network call, from 0
    count: int  # calls in all
    level: Level
    guidance: float  # w of this call
    latents: np.ndarray  # what the network saw: signal·x0 + noise·ε
    clean: dict[str, np.ndarray]  # pred_x0 of each computed branch, and "guided"
    preview: np.ndarray  # the guided pred_x0, uint8 [h, w, 3], a pixel per spatial position
    maps: Maps | None = None  # attention of the conditional branch, if recorded
    heads: dict[str, dict[Size, Heads]] | None = None  # of every branch and head, if asked for

    def noise(self, branch: str) -> np.ndarray:
        """ε̂ of a branch [channels, h, w], whatever the network predicts."""
        clean = levels.PREDICTIONS["sample"]
        return clean.noise(self.latents, self.clean[branch], self.level)


@dataclass(frozen=True, eq=False)
class Picture:
    """A finished cell."""

    cell: int
    recipe: Recipe
    image: np.ndarray  # uint8 [height, width, 3]
    latents: np.ndarray  # float32 [channels, h, w]
    calls: int  # network calls (NFE, number of function evaluations)
    rows: int  # network rows it needed: two per guided call, one otherwise
    shared: int  # of these, rows that were computed once for this and another cell
    seconds: dict[str, float]  # by stage: words, network, solver, decoder
    networks: tuple[str, ...] = ()  # labels of the backends that computed its calls
    exact: "Exact | None" = None  # of a task that asked for it
    given: bool = False  # read, not drawn: the image is its latents decoded, no recipe draws it

    def png(self) -> bytes:
        """The picture as a file, which carries its recipe if there is one that draws it."""
        return self._png

    @functools.cached_property
    def _png(self) -> bytes:
        """Several views show it, and to write it takes longer than all else that they need."""
        file, image = io.BytesIO(), Image.fromarray(self.image)
        if self.given:
            image.save(file, "PNG")
        else:
            self.recipe.save_png(image, file)
        return file.getvalue()


@dataclass(frozen=True, eq=False)
class Exact:
    """The exact solution from a recipe's noise (see `diffusion.reference.Solution`), float32.

    `path` [points, channels, h, w]; `bound` is the RMSE within which its end is known.
    """

    path: np.ndarray
    bound: float


@dataclass(frozen=True)
class Failure:
    """A cell that could not go on, and why, in one sentence."""

    cell: int
    reason: str


class DrawingFailedError(RuntimeError):
    """What a script is told of a `Failure`: why, in one sentence."""


@dataclass(frozen=True)
class Dropped:
    """A cell that was cancelled alone, while the others of its run go on."""

    cell: int


Event = Step | Picture | Failure | Dropped


@dataclass(frozen=True)
class Ahead:
    """What stands before a run that waits: `others` are visitors who are drawing, `seconds` is
    when it will have ended, about; None as long as no call has been measured.
    """

    others: int
    seconds: float | None
