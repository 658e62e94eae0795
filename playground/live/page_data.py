"""What the static page must know of the models and the lenses besides site.json: page.json.

Every label, text and reason is read from where the served page has it.
"""

from dataclasses import asdict
from pathlib import Path

from playground import a1111
from playground.diffusion import guidance
from playground.live import computing
from playground.models import pictures, specs
from playground.models.specs import ModelSpec
from playground.page import fits, listed, live, page, panel, surprises, together
from playground.page.attention import happened, reading
from playground.page.attention import lens as attention_lens
from playground.page.family import lens as family_lens
from playground.page.family import measured as family_measured
from playground.page.family import policy
from playground.page.figures import measures
from playground.page.fits import Fit
from playground.page.grid import axes as grid_axes
from playground.page.grid import plan as grid_plan
from playground.page.grid import section as grid
from playground.page.guidance import axis, own, sweeping, training
from playground.page.guidance import lens as guidance_lens
from playground.page.lecture import check, fair, figures
from playground.page.lecture import lens as lecture_lens
from playground.page.lecture.views import check as questions
from playground.page.remembering import layout
from playground.page.samplers import counting, errors, lecture, noising, race_plan, schedules
from playground.page.samplers import lens as samplers_lens
from playground.page.shared import tradeoff
from playground.page.studio import data as studio
from playground.page.words import known, surprise
from playground.recipe import FIELDS, Recipe
from playground.world import verdict

# The fields of the recipe in the order in which the static page's scripts hand them over.
NAMES = ("prompt", "guidance", "model", "sampler", "steps", "seed", *panel.MORE)
ASKED = ("Attention", "Samplers")  # lenses that compute of the recipe what its run does not show
LENSES = Path(__file__).parent / "js" / "page" / "lenses"  # those that the static page has


def page_data() -> dict:
    """All of it, as plain values."""
    return {
        "title": page.TITLE,
        "intro": page.INTRO,
        "panel": {
            "more": list(panel.MORE),
            "marks": {str(w): text for w, text in panel.MARKS.items()},
            "examples": list(panel.EXAMPLES),
            "atOnce": live.AT_ONCE,
            "names": list(NAMES),
            "surprises": [[surprise.prompt(seed, far) for seed in range(200)] for far in (0, 1)],
            "line": layout.line_text(),
            "earlier": layout.EARLIER,
        },
        "ofRun": {name: layout.OF_RUN for name in ASKED},
        "others": _others(),
        "models": {name: model(fits.of(name)) for name in specs.MODELS},
        "lenses": [
            lens.name for lens in page.LENSES if (LENSES / f"{lens.name.lower()}.js").exists()
        ],
        "accuracy": verdict.accuracy(),
        "surprises": {
            name: {"question": one.question, "answer": one.answer()}
            for name, one in surprises.SURPRISES.items()
        },
        "computing": computing.texts(),
        "guidance": _guidance(),
        "grid": _grid(),
        "samplers": _samplers(),
        "attention": _attention(),
        "family": _family(),
        "lecture": _lecture(),
    }


def _others() -> dict:
    """How settings of other programs are read."""
    return {
        "key": a1111.KEY,
        "graph": a1111.GRAPH,
        "longest": a1111.LONGEST,
        "most": a1111.MOST,
        "width": a1111.WIDTH,
        "negative": a1111.NEGATIVE,
        "setting": a1111.SETTING.pattern,
        "known": sorted(a1111.KNOWN),
        "samplers": a1111.SAMPLERS,
        "marks": {note: mark.pattern for note, mark in a1111.MARKS.items()},
    }


def model(fit: Fit) -> dict:
    """What of the page fits a model, and why the rest does not."""
    spec, kind = fit.spec, fit.guidance
    return {
        "label": spec.short,
        "full": spec.label,
        "called": spec.kind or spec.label,
        "network_called": fit.network,
        "crossAttention": fit.cross_attention,
        "guidanceHelp": FIELDS["guidance"].metadata["help"]
        if kind is guidance.CLASSIFIER_FREE
        else kind.sentence,
        "fixed": kind is guidance.DISTILLED,
        "general": [one.name for one in fit.general],
        "raced": samplers_lens.usual_names(fit),
        "refused": fit.refused,
        "wordsHelp": known.of(spec.name)["help"],
        "unused": list(fit.unused),
        "whyUnused": fit.why_unused,
        "whyNot": {part: fit.why_not(part) for part in fits.PARTS},
        "summing": _summing(spec),
    }


def _summing(spec: ModelSpec) -> dict:
    """How its maps are summed, and what that was measured to be worth at its own size."""
    return {
        "own": _said(Recipe.for_model(spec.name, spec.defaults)),
        "other": _said(Recipe(model=spec.name, width=64, height=64)),
        "reading": _said(Recipe.for_model(spec.name, spec.defaults), "scenes"),
    }


def _said(recipe: Recipe, *of: str) -> dict:
    found = studio.summing(recipe, [0.0], *of)
    return {"text": found.text, "claim": found.claim}


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
        "texts": {
            "exact": errors.TEXT,
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
        "cost": attention_lens.COST,
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
        "race": "What stands here is an example. To draw with all three now, race them: the "
        "Samplers lens takes models besides the recipe’s.",
        "inside": family_lens.INSIDE,
        "telling": "### Three ways to tell a network something, measured on a toy\n"
        + family_measured.TOY,
        "sampling": "### From a thousand calls to one",
        "systems": family_lens.SYSTEMS,
        "policy": policy.TEXT,
    }


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
