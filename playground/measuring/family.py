"""The lecture's table of samplers, from a thousand calls to one, with the models that ship.

Every row draws the same prompts with the same seeds: seconds of a picture that is drawn alone, and
what the oracle finds in all of them.
"""

import statistics
import time
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from playground.client import Playground
from playground.engine.events import Picture, Task
from playground.measuring import report
from playground.measuring.scores import pictures
from playground.measuring.solvers import prompts
from playground.recipe import Recipe
from playground.training import export
from playground.wording import wilson
from playground.world import measures, oracle

GUIDANCE = 5.0
COUNT, FEW, LONG = 32, 4, 200  # pictures of a row; of one with more steps than LONG
ROUNDS = 3  # of the picture that is drawn alone; one for a long run


@dataclass(frozen=True)
class Row:
    model: str
    sampler: str
    steps: int


ROWS = (
    Row("emoji-world", "ddpm", 1000),
    Row("emoji-world", "ddim", 50),
    Row("emoji-world", "dpmpp_2m", 20),
    Row("emoji-world-flow", "euler", 20),
    Row("emoji-world-flow", "euler", 8),
    Row("emoji-world-lcm", "lcm", 4),
    Row("emoji-world-lcm", "lcm", 2),
    Row("emoji-world-lcm", "lcm", 1),
)


def measure(count: int = COUNT, rows: tuple[Row, ...] = ROWS) -> None:
    """Measure every row with `count` pictures, and write all into the model card."""
    judge, texts, found = oracle.load(), prompts(count), []
    playgrounds: dict[str, Playground] = {}
    for row in tqdm(rows):
        if row.model not in playgrounds:  # one at a time: another's threads would take its cores
            playgrounds = {row.model: Playground(row.model, prepared=True)}
        found.append(measured(playgrounds[row.model], judge, texts, row))
        tqdm.write(str(found[-1]))
    export.update_card(family={"rows": found} | report.environment())


def measured(playground: Playground, judge, texts: list[str], row: Row) -> dict:
    """One row: its cost for one picture, and the share of right pictures with its interval."""
    tasks = [_task(row, text, seed) for seed, text in enumerate(texts)]
    long = row.steps > LONG
    if not long:
        pictures(playground, tasks[:1])  # warm-up
    times, drawn = [], []
    for _ in range(1 if long else ROUNDS):
        start = time.perf_counter()
        drawn = pictures(playground, tasks[:1])
        times.append(time.perf_counter() - start)
    drawn += pictures(playground, tasks[1 : FEW if long else len(tasks)])
    return {
        "model": row.model, "sampler": row.sampler, "steps": row.steps, "guidance": GUIDANCE,
        "calls": drawn[0].calls, "rows": drawn[0].rows,
        "seconds": round(statistics.median(times), 3), "network": " and ".join(drawn[0].networks),
        "count": len(drawn), **_right(judge, drawn),
    }  # fmt: skip


def _task(row: Row, text: str, seed: int) -> Task:
    """The steps stand beside the recipe, which allows fewer."""
    recipe = Recipe(
        prompt=text, seed=seed, model=row.model, sampler=row.sampler, guidance=GUIDANCE,
        steps=min(row.steps, 100),
    )  # fmt: skip
    return Task(recipe, steps=row.steps)


def _right(judge, drawn: list[Picture]) -> dict:
    """Lenient and strict, and the 95 % interval of lenient."""
    seen = oracle.read(judge, np.stack([picture.image for picture in drawn]))
    found = measures.adherence([picture.recipe.prompt for picture in drawn], seen)
    shares = {name: round(found[name], 4) for name in ("lenient", "strict")}
    interval = [round(end, 3) for end in wilson(found["lenient"], len(drawn))]
    return shares | {"interval": interval}
