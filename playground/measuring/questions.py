"""What the oracle is asked: tasks as in GenEval (Ghosh et al. 2023, arXiv 2310.11513), and their
prompts.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np

from playground.world import asked, compositions, grammar, heldout
from playground.world.asked import Asked
from playground.world.scene import Scene
from playground.world.templates import HELD_OUT_TEMPLATES, Template
from playground.world.vocabulary import NOUNS, SHAPES

SEED = 900_007
EVERYTHING = frozenset({"noun", "color", "worn", "count", "relation", "place"})


@dataclass(frozen=True)
class Question:
    """A scene, a prompt for it and what that asks for. `plain` is the grammar's own wording."""

    scene: Scene
    prompt: str
    asked: Asked
    plain: str = ""


@dataclass(frozen=True)
class Task:
    """One kind of question. `judged` are the faults that count when lenient; bars in percent.

    Held-out prompts, if the task has them, are those with a combination of `held_out`. A task with
    `relative` compares with the same questions asked plainly, and its bar is of their share.
    """

    name: str
    layouts: tuple[str, ...]
    judged: frozenset[str]
    keep: Callable[[Asked], bool]
    bar: int
    held_out: tuple = ()
    held_out_bar: int | None = None
    world: ModuleType = grammar  # which samples and describes its scenes
    templates: Sequence[Template] = ()

    @property
    def relative(self) -> bool:
        return bool(self.templates)


def _plain(a: Asked) -> bool:
    return not any(wanted.worn for wanted in a.items)


def _all_nouns(a: Asked) -> bool:
    return all(wanted.noun in NOUNS for wanted in a.items)


def _binds(a: Asked) -> bool:
    """Two coloured shapes, or two subjects of which one wears something."""
    if all(wanted.noun in SHAPES for wanted in a.items):
        return all(wanted.color for wanted in a.items)
    return _all_nouns(a) and sum(wanted.worn is not None for wanted in a.items) == 1


_TABLE = (
    Task("single noun", ("single",), frozenset({"noun"}), _all_nouns, 98),
    Task("place", ("single",), frozenset({"place"}), lambda a: a.place is not None, 99),
    Task("color", ("single",), frozenset({"noun", "color"}),
         lambda a: bool(a.items[0].color), 98, heldout.SHAPE_PAIRS, 96),
    Task("two nouns", ("pair",), frozenset({"noun"}),
         lambda a: _all_nouns(a) and _plain(a) and not a.relation,
         95, heldout.NOUN_PAIRS, 95),
    Task("position", ("pair",), frozenset({"noun", "relation"}),
         lambda a: _all_nouns(a) and _plain(a) and bool(a.relation),
         95, heldout.NOUN_PAIRS, 94),
    Task("counting", ("count",), frozenset({"noun", "count"}), _plain, 97),
    Task("binding", ("pair",), frozenset({"noun", "color", "worn"}),
         _binds, 93, (*heldout.SHAPE_PAIRS, *heldout.WORN_PAIRS), 90),
    Task("worn", ("worn",), frozenset({"noun", "worn"}), _all_nouns, 98, heldout.WORN_PAIRS, 80),
    Task("phrasing", (), frozenset({"noun", "worn", "place"}), lambda a: True, 92,
         templates=HELD_OUT_TEMPLATES),
    Task("compose", tuple(compositions.LAYOUTS), EVERYTHING, lambda a: True, 60,
         world=compositions),
)  # fmt: skip
TASKS = {task.name: task for task in _TABLE}
PLAIN_TASKS = tuple(t for t in _TABLE if t.world is grammar and not t.templates)
# The thirteen cells whose mean is stated: what the grammar asks, with and without held-out pairs.
CELLS = tuple(
    (task, held) for task in PLAIN_TASKS for held in ((False, True) if task.held_out else (False,))
)


def questions(task: Task, held_out: bool = False, seed: int = SEED) -> Iterator[Question]:
    """Endless questions of a task."""
    if task.templates:
        yield from _phrased(task, seed)
    rng = np.random.default_rng(seed)
    wanted = {frozenset(pair) for pair in task.held_out}
    for layout in itertools.cycle(task.layouts):
        scene = task.world.sample_scene(rng, layout, held_out)
        if held_out and wanted.isdisjoint(heldout.pairs(scene)):
            continue
        caption = task.world.describe(scene, rng)
        what = asked.read(caption.text)
        if task.keep(what):
            yield Question(scene, caption.text, what)


def _phrased(task: Task, seed: int) -> Iterator[Question]:
    """Scenes of the templates' own tasks, said as the templates say it."""
    rng = np.random.default_rng(seed)
    for template in itertools.cycle(task.templates):
        of = TASKS[template.task]
        while True:
            scene = grammar.sample_scene(rng, of.layouts[0])
            caption = grammar.describe(scene, rng)
            what = asked.read(caption.text)
            if of.keep(what) and template.fits(caption):
                break
        if "{at}" not in template.text and "{place}" not in template.text:
            what = replace(what, place=None)
        if "{worn}" not in template.text:
            what = replace(what, items=tuple(replace(item, worn=None) for item in what.items))
        yield Question(scene, template.fill(caption), what, caption.text)
