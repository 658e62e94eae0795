"""What guidance, samplers and steps do to the scores: the same prompts and seeds each time."""

import itertools
from collections.abc import Iterable

from tqdm import tqdm

from playground import measures, zoo
from playground.engine import Engine
from playground.recipe import Recipe
from playground.training import export
from playground.training.evaluate import TASKS, draw_all, questions
from playground.world import oracle

COUNT, SEEDS = 8, 2  # prompts of each task, pictures of each prompt
GUIDANCE = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 12.0, 25.0)
SOLVERS = ("ddim", "dpmpp_2m", "unipc", "euler_a")
STEPS = (5, 10, 20, 50)


def sweep(count: int = COUNT) -> None:
    """Measure both sweeps and write them into the model card."""
    engine, judge = Engine(zoo.load("emoji-world")), oracle.load()
    texts = prompts(count)
    scales = [{"guidance": w} for w in GUIDANCE]
    solvers = [{"sampler": name, "steps": n} for name in SOLVERS for n in STEPS]
    export.update_card(
        guidance=list(_measured(engine, judge, texts, scales)),
        samplers=list(_measured(engine, judge, texts, solvers)),
    )


def prompts(count: int) -> list[str]:
    """The first `count` prompts of every task, none held out."""
    asked = (itertools.islice(questions(task, held_out=False), count) for task in TASKS.values())
    return [prompt for source in asked for _, prompt, _ in source]


def _measured(engine, judge, texts: list[str], settings: Iterable[dict]):
    """Per setting of a recipe's fields: those, and what was measured."""
    for values in tqdm(settings):
        pairs = [(text, seed) for text in texts for seed in range(SEEDS)]
        images = draw_all(engine, [Recipe(prompt=t, seed=s, **values) for t, s in pairs])
        found = measures.measure([text for text, _ in pairs], images, SEEDS)
        found = {name: round(value, 4) for name, value in found.items()}
        tqdm.write(f"{values} {found}")
        yield values | {"count": len(pairs)} | found
