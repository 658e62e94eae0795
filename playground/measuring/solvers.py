"""How far every sampler is from the exact solution, and what the oracle finds, by network calls.

Deterministic samplers are measured by their distance to the reference of their ODE, decoded and
not; stochastic ones, which do not approach one picture, by the oracle and by diversity.
"""

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from playground.client import Playground
from playground.diffusion import reference, samplers
from playground.diffusion.errors import psnr, rmse
from playground.diffusion.samplers import GENERAL, Sampler
from playground.engine.events import Picture, Task
from playground.measuring.kept import Kept
from playground.measuring.questions import PLAIN_TASKS, questions
from playground.measuring.scores import pictures
from playground.recipe import Recipe
from playground.training import export
from playground.wording import wilson
from playground.world import measures, oracle

COUNT, EXACT = 64, 64  # prompts; at most so many of them have their reference solved
CALLS = (5, 8, 10, 15, 20, 30, 50)
SCALES = (1.0, 3.0, 7.5)
JUDGED = (3.0, 7.5)  # guidance scales whose scores decide what is recommended
NOISY_SCALE, SEEDS = 3.0, 2  # of stochastic samplers: guidance scale, pictures of each prompt
BATCH = 8  # latents decoded at a time
RULE = (
    "Rule: of the deterministic samplers and calls whose oracle score, over w = 3 and 7.5, is at "
    "most one standard error below the best, the fewest network calls; then the smallest error at "
    "w = 7.5."
)


@dataclass(frozen=True, eq=False)
class Exact:
    """Where the ODE's solutions end, by what a sampler scales noise with and whether it ends clean.

    `latents` [prompts, c, h, w], `images` uint8 of them, `bound` [prompts] of their RMSE.
    """

    latents: np.ndarray
    images: np.ndarray
    bound: np.ndarray


Ends = dict[tuple[float, bool], Exact]


def measure(count: int = COUNT) -> None:
    """Measure with `count` prompts and write everything into the model card."""
    playground, judge = Playground(prepared=True), oracle.load()
    texts = prompts(count)
    rows, noisy, bounds = [], [], {}
    with Kept("samplers", count) as kept:
        for scale in SCALES:
            solved = functools.cache(functools.partial(solve, playground, texts[:EXACT], scale))
            for sampler in _solvers():
                rows += kept(
                    f"{sampler.name} at w = {scale:g}",
                    lambda s=sampler, w=scale, ends=solved: list(
                        deterministic(playground, judge, texts, w, ends(), s)
                    ),
                )
            bounds[f"{scale:g}"] = kept(
                f"bound at w = {scale:g}",
                lambda ends=solved: round(max(float(e.bound.mean()) for e in ends().values()), 5),
            )
        for sampler in _stochastic():
            noisy += kept(
                sampler.name, lambda s=sampler: list(stochastic(playground, judge, texts, s))
            )
    export.update_card(
        solvers={
            "prompts": len(texts), "exact": len(texts[:EXACT]), "bounds": bounds, "rows": rows,
            "stochastic": noisy, "rule": RULE, "recommended": recommended(rows),
        }
    )  # fmt: skip


def prompts(count: int) -> list[str]:
    """`count` prompts of all tasks in turn, none held out."""
    tasks = [questions(task, held_out=False) for task in PLAIN_TASKS]
    in_turn = (next(task).prompt for task in itertools.cycle(tasks))
    return list(itertools.islice(in_turn, count))


def solve(playground: Playground, texts: list[str], scale: float) -> Ends:
    """The exact solution of every prompt (seed: its index), for every start and end that occurs."""
    config = playground.session.facts.scheduler_config
    starts = sorted({reference.start_scale(s.name, config) for s in _solvers()})
    recipes = [Recipe(prompt=t, seed=i, guidance=scale) for i, t in enumerate(texts)]
    found = {}
    for start in tqdm(starts, desc=f"exact solutions, w = {scale:g}"):
        solved = pictures(playground, [Task(recipe, exact=start) for recipe in recipes])
        bound = np.array([picture.exact.bound for picture in solved])
        clean = np.stack([picture.latents for picture in solved])
        least = np.stack([picture.exact.path[-1] for picture in solved])
        found[start, True] = Exact(clean, np.stack([p.image for p in solved]), bound)
        found[start, False] = Exact(least, _decoded(playground, least), bound)
    return found


def _decoded(playground: Playground, latents: np.ndarray) -> np.ndarray:
    parts = [latents[start : start + BATCH] for start in range(0, len(latents), BATCH)]
    return np.concatenate([playground.session.decode(part) for part in parts])


def _solvers() -> list[Sampler]:
    return [s for s in GENERAL.values() if not s.stochastic]


def _stochastic() -> list[Sampler]:
    return [s for s in GENERAL.values() if s.stochastic]


def deterministic(
    playground: Playground, judge, texts: list[str], scale: float, ends: Ends, sampler: Sampler
) -> Iterator[dict]:
    """A row per budget of calls: error with its standard error, and oracle score."""
    config = playground.session.facts.scheduler_config
    for budget in tqdm(CALLS, desc=f"{sampler.name}, w = {scale:g}"):
        steps = sampler.steps_within(budget)
        drawn = pictures(playground, [
            Recipe(prompt=t, seed=i, sampler=sampler.name, steps=steps, guidance=scale)
            for i, t in enumerate(texts)
        ])  # fmt: skip
        end = samplers.end_level(samplers.build(sampler.name, config, steps))
        exact = ends[reference.start_scale(sampler.name, config), not end.noise]
        compared = drawn[: len(exact.latents)]
        errors = rmse(np.stack([p.latents for p in compared]), exact.latents)
        likeness = psnr(np.stack([p.image for p in compared]), exact.images)
        yield {
            "sampler": sampler.name, "guidance": scale, "budget": budget, "steps": steps,
            "calls": drawn[0].calls, "count": len(drawn), **_scores(judge, drawn),
            **_mean("rmse", errors), **_mean("psnr", likeness),
        }  # fmt: skip


def stochastic(playground: Playground, judge, texts: list[str], sampler: Sampler) -> Iterator[dict]:
    """A row per budget of calls: oracle score, and how much pictures of one prompt differ."""
    for budget in tqdm(CALLS, desc=sampler.name):
        steps = sampler.steps_within(budget)
        drawn = pictures(playground, [
            Recipe(prompt=t, seed=s, sampler=sampler.name, steps=steps, guidance=NOISY_SCALE)
            for t in texts
            for s in range(SEEDS)
        ])  # fmt: skip
        features = oracle.features(judge, np.stack([p.image for p in drawn])).split(SEEDS)
        yield {
            "sampler": sampler.name, "guidance": NOISY_SCALE, "budget": budget, "steps": steps,
            "calls": drawn[0].calls, "count": len(drawn), **_scores(judge, drawn),
            **_mean("diversity", np.array([measures.diversity(part) for part in features])),
        }  # fmt: skip


def _scores(judge, drawn: list[Picture]) -> dict[str, float]:
    """What the oracle finds, lenient and strict, and saturation."""
    images = np.stack([p.image for p in drawn])
    found = measures.adherence([p.recipe.prompt for p in drawn], oracle.read(judge, images))
    found["saturation"] = measures.saturation(images)
    return {name: round(value, 4) for name, value in found.items()}


def _mean(name: str, values: np.ndarray) -> dict[str, float]:
    """Mean and its standard error (0 of a single value, which says nothing about it)."""
    error = values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return {name: round(float(values.mean()), 5), f"{name}_error": round(float(error), 5)}


def recommended(rows: list[dict]) -> dict:
    """The fields of a recipe that RULE chooses from rows of `deterministic`."""
    cells = {}
    for row in rows:
        if row["guidance"] in JUDGED:
            cells.setdefault((row["sampler"], row["budget"]), []).append(row)
    scores = {key: float(np.mean([r["lenient"] for r in found])) for key, found in cells.items()}
    best = max(scores.values())
    count = sum(row["count"] for row in next(iter(cells.values())))
    least, _ = wilson(best, count, z=1)  # one standard error below, also if all were right
    good = [key for key, score in scores.items() if score >= least]
    chosen = min(good, key=lambda key: (cells[key][-1]["calls"], cells[key][-1]["rmse"]))
    row = cells[chosen][-1]
    return {name: row[name] for name in ("sampler", "steps", "calls")}
