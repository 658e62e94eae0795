"""What the static page must know of each lens: the texts, tables and bounds of the served page."""

from dataclasses import asdict, replace

from playground.diffusion import reference
from playground.diffusion.paths import FRAMES
from playground.models import pictures, specs
from playground.models.specs import ModelSpec
from playground.page import listed, panel, together
from playground.page.attention import happened, reading
from playground.page.attention import lens as attention_lens
from playground.page.family import data as family
from playground.page.family import inside, members, policy
from playground.page.family import lens as family_lens
from playground.page.family import measured as family_measured
from playground.page.figures import measures
from playground.page.grid import axes as grid_axes
from playground.page.grid import plan as grid_plan
from playground.page.grid import section as grid
from playground.page.guidance import axis, own, sweeping, training
from playground.page.guidance import lens as guidance_lens
from playground.page.lecture import check, fair, figures
from playground.page.lecture import lens as lecture_lens
from playground.page.lecture.views import check as questions
from playground.page.samplers import counting, errors, lecture, noising, race_plan, schedules
from playground.page.samplers import lens as samplers_lens
from playground.page.shared import tradeoff
from playground.recipe import Recipe

# The fields of the recipe in the order in which the static page's scripts hand them over.
NAMES = ("prompt", "guidance", "model", "sampler", "steps", "seed", *panel.MORE)


def of_lenses() -> dict:
    """By lens, as plain values; the grid is a part of its own."""
    return {
        "guidance": _guidance(),
        "grid": _grid(),
        "samplers": _samplers(),
        "attention": _attention(),
        "family": _family(),
        "lecture": _lecture(),
    }


def _guidance() -> dict:
    return {
        "intro": guidance_lens.INTRO,
        "sweep": guidance_lens.SWEEP,
        "axes": axis.AXES,
        "most": sweeping.MOST,
        "live": sweeping.LIVE,
        "help": listed.HELP,
        "measured": f"### What w does, measured with {specs.get(Recipe().model).label}",
        "variants": "Guidance over time, rescale and guiders, measured",
        "elsewhere": f"### Why training drops the prompt\n{training.TEXT}",
        "step": training.STEP,
        "source": training.source(),
        "own": {
            "text": own.TEXT,
            "seeds": own.SEEDS,
            "last": own.LAST_SEED,
            "label": f"Values of w, at most {sweeping.MOST}",
            "columns": [asdict(column) for column in tradeoff.COLUMNS],
            "shares": list(measures.SHARES),
        },
    }


def _grid() -> dict:
    axes = [
        {"field": axis.field, "label": axis.label, "offered": axis.offered}
        | {"reads": axis.read.__name__.strip("_")}
        for axis in grid_axes.AXES.values()
    ]
    return {
        "text": grid.TEXT,
        "none": grid_axes.NONE,
        "most": grid_plan.MOST,
        "calls": grid_plan.CALLS,
        "axes": axes,
    }


def _samplers() -> dict:
    return {
        "intro": samplers_lens.INTRO,
        "count": samplers_lens.COUNT,
        "unit": samplers_lens.UNIT,
        "most": race_plan.MOST,
        "calls": race_plan.CALLS,
        "units": race_plan.UNITS,
        "frame": together.FRAME,
        "same": samplers_lens.SAME,
        "errors": {
            "text": errors.TEXT,
            "offered": list(errors.OFFERED),
            "calls": list(errors.CALLS),
            "steps": reference.STEPS,
            "exact": reference.calls(),
        },
        "texts": {
            "measured": _measured_errors(),
            "stochastic": "Samplers with fresh noise: score and diversity against calls",
            "plane": schedules.PLANE,
            "grids": schedules.GRIDS,
            "noising": noising.TEXT,
            "counting": counting.TEXT,
            "lecture": lecture.TEXT,
        },
    }


def _measured_errors() -> str:
    spec = specs.get(Recipe().model)
    found = spec.card.get("solvers")
    if not found:
        return ""
    return f"### Error against calls, over {found['exact']} prompts, of {spec.label}"


def _attention() -> dict:
    effect, table = happened.shares()
    return {
        "intro": attention_lens.INTRO,
        "button": "Look closer at the recipe’s picture",
        "cost": f"{attention_lens.RECORDS}. {attention_lens.AT_FIRST}",
        "worked": attention_lens.WORKED,
        "edits": f"{attention_lens.EDITS} {effect}",
        "shares": attention_lens.SHARES,
        "table": table,
        "reading": reading.TEXT,
        "words": reading.WORDS,
        "limits": {"heaviest": pictures.HEAVIEST, "largest": pictures.LARGEST},
    }


def _family() -> dict:
    return {
        "intro": family_lens.INTRO,
        "inside": family_lens.INSIDE,
        "telling": "### Three ways to tell a network something, measured on a toy\n"
        + family_measured.TOY,
        "sampling": "### From a thousand calls to one",
        "systems": family_lens.SYSTEMS,
        "policy": policy.TEXT,
        "kept": list(members.KEPT),
        "ways": inside.ways(),
        "frames": [frame.label for frame in FRAMES.values()],
        "rows": family.ROWS,
        "notes": {
            "bends": family.BENDS, "negative": family.NEGATIVE, "unshown": family.UNSHOWN,
        },
        "scores": {name: _scores(spec) for name, spec in specs.MODELS.items()},
    }  # fmt: skip


def _scores(spec: ModelSpec) -> dict:
    """What was measured with its usual sampler and steps, by w, and what is said at another w."""
    usual, means = Recipe.for_model(spec.name, spec.defaults), spec.card.get("means", [])
    scales = {row["guidance"] for row in means}
    own = {f"{w:g}": family.measured(means, replace(usual, guidance=w)) for w in sorted(scales)}
    return {
        "own": own, "otherwise": family.elsewhere(means[0]) if means else family.UNMEASURED
    }  # fmt: skip


def _lecture() -> dict:
    asked = [(question.text, question.options) for question in check.QUESTIONS]
    return {
        "way": lecture_lens.laid_out(list(NAMES)),
        "told": "The three ways, measured on a toy: " + family_measured.TOY,
        "middle": "At first: the middle of “a red square”.",
        "toy": training.TEXT,
        "scales": figures.SCALES,
        "raced": list(fair.RACED),
        "calls": fair.CALLS,
        "check": questions.questions(asked),
        "asked": [question.name for question in check.QUESTIONS],
        "steps": [check.LONG, check.SHORT],
        "kept": list(check.KEPT),
    }
