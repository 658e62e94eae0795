"""What guidance, samplers and steps do to the scores: the same prompts and seeds each time."""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator

from tqdm import tqdm

from playground.client import Playground
from playground.diffusion import guidance
from playground.measuring.questions import PLAIN_TASKS, questions
from playground.measuring.scores import draw_all
from playground.recipe import Recipe
from playground.training import export
from playground.world import measures

COUNT, SEEDS = 8, 2  # prompts of each task, pictures of each prompt
GUIDANCE = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 12.0, 25.0)
SOLVERS = ("ddim", "dpmpp_2m", "unipc", "euler_a")
STEPS = (5, 10, 20, 50)
MEASURES = ("count", "lenient", "strict", "diversity", "saturation")
VARIANTS = {  # of guidance at the usual w, one field at a time
    "guidance_start": (0.0, 0.2, 0.4, 0.6, 0.8),
    "guidance_stop": (0.2, 0.4, 0.6, 0.8, 1.0),
    "guidance_schedule": tuple(guidance.SCHEDULES),
    "rescale": (0.0, 0.25, 0.5, 0.75, 1.0),
    "guider": tuple(guidance.GUIDERS),
}


def sweep(count: int = COUNT) -> None:
    """Measure all sweeps and write them into the model card."""
    playground = Playground(prepared=True)
    texts = prompts(count)
    scales = [{"guidance": w} for w in GUIDANCE]
    solvers = [{"sampler": name, "steps": n} for name in SOLVERS for n in STEPS]
    export.update_card(
        guidance=list(_measured(playground, texts, scales)),
        samplers=list(_measured(playground, texts, solvers)),
        variants=list(variants(playground, texts)),
    )


def prompts(count: int) -> list[str]:
    """The first `count` prompts of every task, none held out."""
    asked = (itertools.islice(questions(task, held_out=False), count) for task in PLAIN_TASKS)
    return [question.prompt for source in asked for question in source]


def variants(playground: Playground, texts: list[str]) -> Iterator[dict]:
    """Per field of VARIANTS and value: what was measured, and the rows that one picture costs.

    Plain guidance is a value of every field; it is drawn once.
    """
    usual, known = Recipe(), {}
    for name, values in VARIANTS.items():
        for value in values:
            recipe = dataclasses.replace(usual, **{name: value})
            if recipe not in known:
                (known[recipe],) = _measured(playground, texts, [{name: value}])
            row = {"field": name, "value": value, "rows": guidance.rows(recipe, recipe.steps)}
            yield row | {key: known[recipe][key] for key in MEASURES}


def _measured(playground: Playground, texts: list[str], settings: Iterable[dict]) -> Iterator[dict]:
    """Per setting of a recipe's fields: those, and what was measured."""
    for values in tqdm(settings):
        pairs = [(text, seed) for text in texts for seed in range(SEEDS)]
        images = draw_all(playground, [Recipe(prompt=t, seed=s, **values) for t, s in pairs])
        found = measures.measure([text for text, _ in pairs], images, SEEDS)
        found = {name: round(value, 4) for name, value in found.items()}
        tqdm.write(f"{values} {found}")
        yield values | {"count": len(pairs)} | found
