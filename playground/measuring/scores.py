"""Score the models as GenEval does (Ghosh et al. 2023, arXiv 2310.11513), with our own oracle.

Prompts come from the grammar, and the oracle reads the pictures back. Lenient asks for the task's
own things alone; strict for the whole prompt and nothing besides.
"""

import functools
import itertools
from collections.abc import Callable, Sequence

import numpy as np
from tqdm import tqdm

from playground.client import Playground
from playground.engine import events
from playground.engine.events import Picture
from playground.measuring import batches
from playground.measuring.kept import Kept
from playground.measuring.questions import CELLS, SEED, TASKS, Task, questions
from playground.models import specs
from playground.recipe import Recipe
from playground.training import export
from playground.training.oracle import through
from playground.world import asked, oracle
from playground.world.asked import Asked
from playground.world.render import draw
from playground.world.scene import Scene

COUNT, CHUNK = 500, 64
# Pictures a cell for settings that no bar is stated for, which are those of more steps than BARRED.
OTHERS, BARRED = 100, 8
SHIFT = 7  # chance: each picture is judged by the prompt that stands so many further on
# What bars are stated for, then other settings, for which the mean of the thirteen cells is told.
SETTINGS: dict[str, tuple[dict, ...]] = {
    "emoji-world": (
        {"sampler": "dpmpp_2m", "steps": 20, "guidance": 5.0},
        {"sampler": "ddim", "steps": 15, "guidance": 5.0},
        {"sampler": "dpmpp_2m", "steps": 8, "guidance": 5.0},
    ),
    "emoji-world-flow": (
        {"sampler": "euler", "steps": 20, "guidance": 5.0},
        {"sampler": "euler", "steps": 8, "guidance": 3.0},
    ),
    "emoji-world-lcm": tuple(
        {"sampler": "lcm", "steps": steps, "guidance": 5.0} for steps in (4, 2, 1)
    ),
}
ASKED = {name: SETTINGS["emoji-world"][0][name] for name in ("sampler", "steps")}
Drawer = Callable[[Sequence[str], dict], np.ndarray]  # pictures of prompts with seeds 0, 1, …


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
    drawer: Drawer, judge: oracle.Oracle, task: Task, held_out: bool, count: int,
    settings: Sequence[dict] = SETTINGS["emoji-world"][:1], seed: int = SEED,
) -> dict:  # fmt: skip
    """The model's shares with the first of `settings`, under `others` lenient with each of the
    others (of which some get fewer questions, see `asked_of`), and as `ceiling` what the true
    scenes get through the autoencoder.
    """
    asked_ = list(itertools.islice(questions(task, held_out, seed), count))
    first, *others = settings
    wanted, prompts = [q.asked for q in asked_], [q.prompt for q in asked_]
    main = _read(drawer, judge, prompts, first)
    found = {"count": count} | shares(task, wanted, main)
    if task.relative:  # the same questions in the grammar's own words
        plainly = _read(drawer, judge, [q.plain for q in asked_], first)
        found["plain"] = shares(task, wanted, plainly)["lenient"]
    vae = export.load_autoencoder().to(next(judge.parameters()).device)
    truth = through(vae, np.stack([draw(q.scene) for q in asked_]))
    ceiling = shares(task, wanted, oracle.read(judge, truth))
    found |= {f"ceiling_{name}": ceiling[name] for name in ("lenient", "strict")}
    found["others"] = []
    for each in others:
        few = asked_of(each, count)
        seen = _read(drawer, judge, prompts[:few], each)
        found["others"].append(shares(task, wanted[:few], seen)["lenient"])
    return found


def asked_of(settings: dict, count: int) -> int:
    """How many of `count` questions settings after the first are asked."""
    return count if settings["steps"] <= BARRED else min(count, OTHERS)


def _read(
    drawer: Drawer, judge: oracle.Oracle, prompts: Sequence[str], settings: dict
) -> list[Scene]:
    return oracle.read(judge, drawer(prompts, settings))


def mean_right(
    drawn: Callable[[Sequence[str]], np.ndarray], judge: oracle.Oracle, count: int
) -> float:
    """The mean over the thirteen cells, lenient, of what is drawn for `count` prompts of each."""
    right = []
    for task, held in CELLS:
        asked_ = list(itertools.islice(questions(task, held), count))
        seen = oracle.read(judge, drawn([q.prompt for q in asked_]))
        right.append(shares(task, [q.asked for q in asked_], seen)["lenient"])
    return round(float(np.mean(right)), 4)


def engine_drawer(playground: Playground) -> Drawer:
    """Draws as the page does."""

    def drawn(prompts: Sequence[str], settings: dict) -> np.ndarray:
        recipes = [playground.recipe(p, seed=i, **settings) for i, p in enumerate(prompts)]
        return draw_all(playground, recipes)

    return drawn


def drawer_of(model: str, device: str) -> Drawer:
    """On the processor the engine draws; an accelerator is asked for all pictures at once."""
    if device == "cpu":
        return engine_drawer(Playground(model, prepared=True))
    return batches.drawer(model, device)


def evaluate(
    count: int = COUNT, model: str = "emoji-world", device: str = "cpu", seed: int = SEED
) -> None:
    """Score every task and write the shares into what was measured of the model."""
    drawer, judge = drawer_of(model, device), oracle.load().to(device)
    settings, results = SETTINGS[model], {}
    columns = [*CELLS, (TASKS["phrasing"], False), (TASKS["compose"], False)]
    folder = specs.get(model).folder
    with Kept("scores", count, seed, export.facts("sha256", folder)) as kept:
        for task, held in tqdm(columns):
            name = f"{task.name}{' (held out)' if held else ''}"
            measure = functools.partial(score, drawer, judge, task, held, count, settings, seed)
            found = kept(name, measure)
            results.setdefault(task.name, {})["held_out" if held else "seen"] = found
            tqdm.write(f"{name}: {found}")
    export.update_card(folder, **summary(results, settings, seed))


def summary(results: dict, settings: Sequence[dict], seed: int = SEED) -> dict:
    """What is kept of all scores: those of the first settings by task, and a mean for each."""
    cells = [results[task.name]["held_out" if held else "seen"] for task, held in CELLS]
    means = np.array([[cell["lenient"], *cell["others"]] for cell in cells]).mean(0)
    count = cells[0]["count"]
    counts = [count] + [asked_of(each, count) for each in settings[1:]]
    rows = [
        each | {"mean": round(float(mean), 4), "count": count, "seed": seed}
        for each, mean, count in zip(settings, means, counts, strict=True)
    ]
    return {"scores": results, "means": rows}
