"""The playground from Python: the smallest client of a session.

from playground import Playground

p = Playground(model="emoji-world")
run = p.draw("a red square", guidance=5, steps=15, seed=7)
run.image                    # a PIL image
run.map("square")            # float32 [height, width]: the word's share at every pixel
run.figure()                 # a matplotlib figure: the picture under each word's map
run.save("square.png")       # opens again in the page, with its recipe
p.read("mine.jpg", "a cat").map("cat")   # the same of a picture that is there already
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from playground import notebook
from playground.attention import heatmaps
from playground.attention.summing import Aggregation
from playground.engine.events import DrawingFailedError, Failure, Step, Task
from playground.engine.local import open_session
from playground.engine.record import RunRecord, records
from playground.engine.session import Run, Session
from playground.models import loras, pictures, specs
from playground.models.fetch import Report, fetched
from playground.recipe import Recipe, RecipeError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class _Run:
    """A finished run (see `engine.record.RunRecord`, its `record`), and a picture uint8
    [height, width, 3] to whose edges its word maps are carried.
    """

    def __init__(self, record: RunRecord, how: Aggregation, picture: np.ndarray):
        self.record, self._how, self._picture = record, how, picture

    @property
    def image(self) -> Image.Image:
        return Image.fromarray(self.record.picture.image)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every network call: level, pred_x0, preview, token maps."""
        return self.record.steps

    @property
    def words(self) -> list[str]:
        return [word.text for word in self.record.prompt.words]

    def figure(self) -> "Figure":
        """A matplotlib figure: the picture, and it under the map of each word."""
        return notebook.maps(self._picture, self.words, self._maps())

    def map(self, word: str, which: int = 0) -> np.ndarray:
        """Where attention to a word went, float32 [height, width] in 0 … 1: its share of the words'
        attention, summed in the way measured best for the model and carried to the picture's edges.

        `which` of several equal words, from 0. Raises ValueError for a word that is not there and
        for a run at w = 0, whose words were not read.
        """
        places = [i for i, text in enumerate(self.words) if text == word]
        if which not in range(len(places)):
            known = ", ".join(self.words) or "none"
            raise ValueError(f"There is no {word!r} number {which} among the words: {known}.")
        return self._maps()[places[which]]

    def _maps(self) -> np.ndarray:
        maps = self.record.word_maps(self._how)
        if maps is None:
            raise ValueError("At w = 0 the words are not read: there are no word maps.")
        return heatmaps.on_picture(maps, self._picture, self._how)


class Drawn(_Run):
    """A picture that was drawn from a recipe."""

    def __init__(self, record: RunRecord, how: Aggregation):
        super().__init__(record, how, record.picture.image)

    @property
    def recipe(self) -> Recipe:
        return self.record.recipe

    def save(self, path: str | Path) -> None:
        """Write a PNG that carries its recipe."""
        Path(path).write_bytes(self.record.png())

    def _repr_html_(self) -> str:
        """In a notebook: the explorer, in which words and pixels show each other."""
        return notebook.explorer(self.record)

    def __repr__(self) -> str:
        height, width, _ = self.record.picture.image.shape
        return f"<Drawn {self.recipe.prompt!r}, seed {self.recipe.seed}, {width}×{height}>"


class Drawings(list[Drawn]):
    """Pictures that were drawn together; in a notebook they stand side by side."""

    def __init__(self, drawn: Iterable[Drawn], titles: Sequence[str] = ()):
        super().__init__(drawn)
        self._titles = titles or [one.recipe.prompt for one in self]

    def figure(self) -> "Figure":
        """A matplotlib figure of all pictures."""
        return notebook.row([one.record.picture.image for one in self], self._titles)

    def _repr_png_(self) -> bytes:
        return notebook.png(self.figure())


class Reading(_Run):
    """What the model reads in a picture that was there already. `image` is what its autoencoder
    keeps of it, `original` what it was given.
    """

    @property
    def original(self) -> Image.Image:
        return Image.fromarray(self._picture)

    def _repr_png_(self) -> bytes:
        """In a notebook: the picture under the map of each word."""
        return notebook.png(self.figure())

    def __repr__(self) -> str:
        return f"<Reading of {self.record.prompt.text!r}, {len(self.steps)} calls>"


class Playground:
    """Draws with one model in this process. Its weights are read once, when it is made.

    `session` answers what is not asked here: prices, prompts, runs step by step.
    """

    def __init__(
        self, model: str = "emoji-world", session: Session | None = None, prepared: bool = False,
        lora: str = "", report: Report = lambda *_: None,
    ):  # fmt: skip
        """`model` is a name of `models.specs.MODELS`, the path of a diffusers folder or of a
        .safetensors file, or a Hub id, which is downloaded as far as it is not here; `report` hears
        of it. `lora` is a built-in LoRA ("few-steps") or the path of its file, and after a colon
        its scale: "style.safetensors:0.8".

        Raises UnknownModelError for a name that is none of these, and another ValueError with one
        sentence for what cannot be opened. With `prepared` it is ready only when the fastest
        backend is, some seconds later; without, PyTorch draws. A `session` that is given stays as
        it is.
        """
        self._spec = specs.get(model) if session else fetched(model, report)
        self._lora = lora
        if session is None:
            session = open_session(self._spec.name, lora)
            if prepared:
                session.prepare()
        self.session: Session = session
        self._how = Aggregation.of(self._spec.card)

    def recipe(self, prompt: str, **fields) -> Recipe:
        """A recipe for this model, with its own defaults or those of its LoRA; raises RecipeError
        for what cannot be.
        """
        made_for = {**self._spec.defaults, **loras.settings(self._lora)}
        usual = Recipe.for_model(self._spec.name, made_for)
        usual = replace(usual, lora=self._lora, weights=specs.digest(self._spec, self._lora))
        return self._mine(replace(usual, prompt=prompt, **fields))

    def _mine(self, recipe: Recipe) -> Recipe:
        """Raises RecipeError for one of other weights: its picture would not be what it says."""
        known = "", specs.digest(self._spec, self._lora)
        own = (recipe.model, recipe.lora) == (self._spec.name, self._lora)
        if own and recipe.weights in known:
            return recipe
        raise RecipeError(
            "This recipe is for other weights than this Playground has: its model and LoRA are "
            "said once, when it is made, as in Playground(model=…, lora=…)."
        )

    def draw(self, prompt: str, **fields) -> Drawn:
        """One picture; `fields` are those of `Recipe` (guidance, steps, seed, width, height, …).

        Raises RecipeError before anything is drawn, DrawingFailedError if it failed.
        """
        return self.draw_all([self.recipe(prompt, **fields)])[0]

    def sweep(self, prompt: str, field: str = "guidance",
              values: Sequence = (0, 1, 2, 3, 5, 7, 12, 25), **fields) -> Drawings:  # fmt: skip
        """The same recipe once per value of one field, from the same noise, drawn together."""
        base = self.recipe(prompt, **fields)
        drawn = self.draw_all([replace(base, **{field: value}) for value in values])
        return Drawings(drawn, [f"{field} = {value}" for value in values])

    def draw_all(self, tasks: Sequence[Task | Recipe], record: bool = True) -> Drawings:
        """Any recipes for this model, drawn together, in their order; `record` word maps too."""
        for task in tasks:
            self._mine(Task.of(task).recipe)
        found = self._records(self.session.submit(tasks, record=record))
        return Drawings(Drawn(found[i], self._how) for i in range(len(tasks)))

    def read(self, picture: str | Path | Image.Image, prompt: str) -> Reading:
        """Which pixels of a picture that is there already each word of a prompt would claim.

        Its middle square, as large as the model's own pictures, is noised to the levels at which
        word maps are measured best, and the network predicts it with the prompt, one call a level.
        Raises PictureError for a file that is not a picture, RecipeError for an impossible prompt.
        """
        side = self._spec.side
        if isinstance(picture, Image.Image):
            pixels = pictures.middle_square(picture.copy(), side)
        else:
            pixels = pictures.opened(picture, side)
        found = self._records(self.session.read(pixels, prompt, how=self._how))
        return Reading(found[0], self._how, pixels)

    def _records(self, started: Run) -> dict[int, RunRecord]:
        """The records of a run's cells, when all of them have ended."""
        found: dict[int, RunRecord] = {}
        with started as run:
            for event in records(self.session, run):
                if isinstance(event, Failure):
                    raise DrawingFailedError(event.reason)
                if isinstance(event, RunRecord):
                    found[event.picture.cell] = event
        return found
