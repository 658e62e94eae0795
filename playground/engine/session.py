"""Everything that a page, a script or a server may ask of a model, and nothing more.

A session may be in this process (`engine.local`), in another one or on another machine: what goes
in are recipes and texts, what comes out are plain records and arrays.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from playground.attention.summing import DEFAULT, Aggregation
from playground.diffusion.guidance import COND, Kind
from playground.engine.events import Ahead, Event, Task
from playground.models.words import Word
from playground.recipe import Recipe


@dataclass(frozen=True, eq=False)
class PromptFacts:
    """A prompt as the network reads it, in plain arrays (see `models.prompt.Prompt`).

    `roles` [columns] says what each row of a token map is: start, content, end, padding;
    `embeds` [tokens, width].
    """

    text: str
    ids: tuple[int, ...]
    names: tuple[str, ...]
    roles: tuple[str, ...]
    words: tuple[Word, ...]
    cut: tuple[str, ...]
    embeds: np.ndarray

    @property
    def content(self) -> int:
        """Number of content tokens."""
        return self.roles.count("content")


@dataclass(frozen=True)
class ModelFacts:
    """What a page must know of the model: `preview_map` [channels + 1, 3] is the linear map from
    latents (and 1) to RGB in [−1, 1]; latents are `factor` times smaller than pictures.
    `parameters` are those of its denoiser, `network` is its configuration as diffusers stores it.
    """

    name: str
    channels: int
    factor: int
    multiple: int
    guidance: Kind
    scheduler_config: Mapping
    preview_map: np.ndarray
    parameters: int
    network: Mapping


@dataclass(frozen=True)
class Price:
    """What tasks will cost together: their network calls (NFE) and rows, the batched calls that
    compute them (`launches`), and the seconds; None as long as no call has been measured.
    """

    calls: int
    rows: int
    launches: int
    seconds: float | None


@dataclass(frozen=True)
class Edit:
    """How the second of two recipes reads the first one's attention (see `attention.editing`).

    `kind` is swap, refine or reweight; `word` and `which` name the swapped word, `weights` are by
    the word's position in the prompt, `share` is the part of the steps.
    """

    kind: str
    share: float
    word: str = ""
    which: int | None = None
    by: str = ""
    prompt: str = ""
    weights: Mapping[int, float] | None = None


@dataclass(frozen=True)
class EditPlan:
    """What an edit comes to: the edited recipe, and the positions of the words that it is about in
    the source's and in its own prompt.
    """

    recipe: Recipe
    touched: tuple[list[int], list[int]]


@dataclass(frozen=True, eq=False)
class WorkedLayer:
    """One layer's cross-attention at one spatial position (see `attention.worked.Layer`)."""

    name: str
    grid: tuple[int, int]
    place: tuple[int, int]
    width: int
    scores: np.ndarray
    weights: np.ndarray
    moves: np.ndarray
    moved: np.ndarray
    total: float
    feature: float


class Run(Protocol):
    """Iterate for events; leave the `with` (or `cancel`) to stop.

    `ahead` says now and then what stands before it, until its first network call begins.
    """

    def __iter__(self) -> Iterator[Event]: ...
    def ahead(self) -> Iterator[Ahead]: ...
    def __enter__(self) -> "Run": ...
    def __exit__(self, *_) -> None: ...
    def cancel(self) -> None: ...


class Session(Protocol):
    """Draws with one model. Raises ValueError, with a plain sentence, for what is impossible."""

    facts: ModelFacts
    nbytes: int  # of all its weights

    @property
    def busy(self) -> bool:
        """Whether it has unfinished runs."""
        ...

    @property
    def stalled(self) -> float:
        """Seconds since its unfinished runs went on; 0 if it has none."""
        ...

    def close(self) -> None:
        """Stop its runs; who still has it may go on with it, but it is not kept."""
        ...

    def submit(
        self,
        tasks: Sequence[Task | Recipe],
        *,
        record: bool = False,
        heads: bool = False,
        edit: Edit | None = None,
        visitor: str | None = None,
        section: str = "",
        asked: float | None = None,
    ) -> Run:
        """Start drawing. `record` asks for word maps, `heads` for those of every branch and head.

        With an `edit` there is one recipe, and the run has two cells, it and its edit; if the edit
        changes the words, a third one draws these without reading the first one's attention.
        Turns go by `visitor`; a visitor has one run in each `section`, the one last `asked` for
        (seconds of `time.monotonic`).
        """
        ...

    def drop(self, visitor: str, section: str, recipe: Recipe) -> None:
        """Cancel one cell of a visitor's run; the others go on."""
        ...

    def describe(self, prompt: str, branch: str = COND) -> PromptFacts:
        """The prompt's tokens and words as the model reads them: with words, or as the negative."""
        ...

    def plan(self, recipe: Recipe, edit: Edit) -> EditPlan:
        """What an edit of this recipe comes to, before it is drawn."""
        ...

    def price(self, tasks: Sequence[Task | Recipe]) -> Price:
        """What drawing these together will cost."""
        ...

    def call_seconds(self) -> dict[int, float]:
        """Recent seconds of a network call, by its number of rows."""
        ...

    def timing(self, steps: int, height: int, width: int) -> dict[str, Any]:
        """What `diffusion.samplers.build` needs of the model for so many steps at that size."""
        ...

    def noise(self, seed: int, height: int, width: int) -> np.ndarray:
        """The starting noise of a seed [channels, h, w], for a picture of that size in pixels."""
        ...

    def decode(self, latents: np.ndarray) -> np.ndarray:
        """uint8 pictures [n, height, width, 3] of latents [n, channels, h, w]."""
        ...

    def encode(self, picture: np.ndarray) -> np.ndarray:
        """Latents [channels, h, w] of a picture, uint8 [height, width, 3]."""
        ...

    def read(
        self,
        picture: np.ndarray,
        prompt: str,
        *,
        how: Aggregation = DEFAULT,
        seed: int = 0,
        heads: bool = False,
        visitor: str | None = None,
        section: str = "",
        asked: float | None = None,
    ) -> Run:
        """Let the network read a picture that is there already, uint8 [height, width, 3].

        Its latents get the noise of `seed` at each of `how.levels`, and the network predicts them
        with the prompt: one call a level, its conditional row alone. Events are those of a drawn
        picture, and so is the record (see `engine.record.records`): its word maps are the network's
        reading of this picture, and its image is what the autoencoder makes of the latents.
        """
        ...

    def work_out(
        self, prompt: str, latents: np.ndarray, timestep: float, x: float, y: float, w: float = 1.0
    ) -> list[WorkedLayer]:
        """Every cross-attention layer's numbers at the position (x, y) in 0 … 1 of what the network
        saw, latents [channels, h, w] at a timestep; guided by `w`, if it takes w as an input.
        """
        ...
