"""Score the model as GenEval does (Ghosh et al. 2023, arXiv 2310.11513), with our own oracle.

Prompts come from the grammar, pictures from the engine, and the oracle reads them back. Lenient
asks for the task's own things alone; strict for the whole prompt and nothing besides.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from playground.client import Playground
from playground.engine import events
from playground.engine.events import Picture
from playground.measuring.kept import Kept
from playground.recipe import Recipe
from playground.training import export
from playground.training.oracle import through
from playground.world import asked, heldout, oracle
from playground.world.asked import Asked
from playground.world.grammar import describe, sample_scene
from playground.world.render import draw
from playground.world.scene import Scene
from playground.world.vocabulary import NOUNS, SHAPES

COUNT, CHUNK, SEED = 500, 64, 900_007
ASKED = {"sampler": "dpmpp_2m", "steps": 20}  # what bars and times are stated for, at the usual w
SHIFT = 7  # chance: each picture is judged by the prompt that stands so many further on


@dataclass(frozen=True)
class Task:
    """One kind of question. `judged` are the faults that count when lenient; bars in percent.

    Held-out prompts, if the task has them, are those with a combination of `held_out`.
    """

    name: str
    layout: str
    judged: frozenset[str]
    keep: Callable[[Asked], bool]
    bar: int
    held_out: tuple = ()
    held_out_bar: int | None = None


def _plain(a: Asked) -> bool:
    return not any(wanted.worn for wanted in a.items)


def _all_nouns(a: Asked) -> bool:
    return all(wanted.noun in NOUNS for wanted in a.items)


def _binds(a: Asked) -> bool:
    """Two coloured shapes, or two subjects of which one wears something."""
    if all(wanted.noun in SHAPES for wanted in a.items):
        return all(wanted.color for wanted in a.items)
    return _all_nouns(a) and sum(wanted.worn is not None for wanted in a.items) == 1


TASKS = {
    t.name: t
    for t in (
        Task("single noun", "single", frozenset({"noun"}), _all_nouns, 97),
        Task("place", "single", frozenset({"place"}), lambda a: a.place is not None, 98),
        Task("color", "single", frozenset({"noun", "color"}),
             lambda a: bool(a.items[0].color), 95, heldout.SHAPE_PAIRS, 80),
        Task("two nouns", "pair", frozenset({"noun"}),
             lambda a: _all_nouns(a) and _plain(a) and not a.relation,
             88, heldout.NOUN_PAIRS, 75),
        Task("position", "pair", frozenset({"noun", "relation"}),
             lambda a: _all_nouns(a) and _plain(a) and bool(a.relation),
             80, heldout.NOUN_PAIRS, 65),
        Task("counting", "count", frozenset({"noun", "count"}), _plain, 75),
        Task("binding", "pair", frozenset({"noun", "color", "worn"}),
             _binds, 75, (*heldout.SHAPE_PAIRS, *heldout.WORN_PAIRS), 60),
        Task("worn", "worn", frozenset({"noun", "worn"}), _all_nouns, 88, heldout.WORN_PAIRS, 65),
    )
}  # fmt: skip


def questions(task: Task, held_out: bool, seed: int = SEED) -> Iterator[tuple[Scene, str, Asked]]:
    """Endless scenes with a caption of each and what it asks for."""
    rng = np.random.default_rng(seed)
    wanted = {frozenset(pair) for pair in task.held_out}
    while True:
        scene = sample_scene(rng, task.layout, held_out)
        if held_out and wanted.isdisjoint(heldout.pairs(scene)):
            continue
        prompt = describe(scene, rng).text
        what = asked.read(prompt)
        if task.keep(what):
            yield scene, prompt, what


def pictures(
    playground: Playground, tasks: Sequence[events.Task | Recipe], record: bool = False
) -> list[Picture]:
    """What was drawn, in order. Raises DrawingFailedError if one failed."""
    chunks = [tasks[start : start + CHUNK] for start in range(0, len(tasks), CHUNK)]
    return [one.record.picture for chunk in chunks for one in playground.draw_all(chunk, record)]


def draw_all(playground: Playground, recipes: Sequence[Recipe]) -> np.ndarray:
    """Pictures uint8 [n, h, w, 3]. Raises DrawingFailedError if one failed."""
    return np.stack([picture.image for picture in pictures(playground, recipes)])


def shares(task: Task, wanted: list[Asked], seen: list[Scene]) -> dict[str, float]:
    """Share of right pictures: lenient, strict, and lenient against another prompt (chance)."""
    wrong = [asked.faults(a, s) for a, s in zip(wanted, seen, strict=True)]
    others = wanted[SHIFT:] + wanted[:SHIFT]
    chance = [asked.faults(a, s) for a, s in zip(others, seen, strict=True)]
    found = {
        "lenient": [task.judged.isdisjoint(w) for w in wrong],
        "strict": [not w for w in wrong],
        "chance": [task.judged.isdisjoint(w) for w in chance],
    }
    return {name: round(float(np.mean(right)), 4) for name, right in found.items()}


def score(
    playground: Playground, judge: oracle.Oracle, task: Task, held_out: bool, count: int
) -> dict:
    """The model's shares, and as `ceiling` those of the true scenes through the autoencoder."""
    source = questions(task, held_out)
    scenes, prompts, wanted = zip(*(next(source) for _ in range(count)), strict=True)
    recipes = [Recipe(prompt=prompt, seed=i, **ASKED) for i, prompt in enumerate(prompts)]
    drawn = oracle.read(judge, draw_all(playground, recipes))
    truth = through(export.load_autoencoder(), np.stack([draw(s) for s in scenes]))
    ceiling = shares(task, list(wanted), oracle.read(judge, truth))
    found = {"count": count} | shares(task, list(wanted), drawn)
    return found | {f"ceiling_{name}": ceiling[name] for name in ("lenient", "strict")}


def evaluate(count: int = COUNT) -> None:
    """Score every task and write the shares into the model card."""
    playground, judge = Playground(prepared=True), oracle.load()
    results: dict[str, dict] = {}
    columns = [(task, held) for task in TASKS.values() for held in (False, True)]
    with Kept("scores", count) as kept:
        for task, held in tqdm([(t, h) for t, h in columns if t.held_out or not h]):
            name = f"{task.name}{' (held out)' if held else ''}"
            found = kept(name, functools.partial(score, playground, judge, task, held, count))
            results.setdefault(task.name, {})["held_out" if held else "seen"] = found
            tqdm.write(f"{name}: {found}")
    export.update_card(scores=results)
