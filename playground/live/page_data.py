"""What the static page must know of the recipe, the models and the lenses: one JSON.

Every label, bound, help text and reason is read from where the served page has it.
"""

from dataclasses import asdict

from playground.attention.summing import Aggregation
from playground.diffusion import guidance, samplers
from playground.diffusion.samplers import Sampler
from playground.models import specs
from playground.models.specs import ModelSpec
from playground.page import fits, live, page, panel, together
from playground.page.fits import Fit
from playground.page.guidance import axis, sweeping
from playground.page.guidance import lens as guidance_lens
from playground.page.samplers import counting, noising, race_plan, schedules
from playground.page.samplers import lecture as lecture_section
from playground.page.samplers import lens as samplers_lens
from playground.page.studio import data as studio
from playground.recipe import FIELDS, FORMER, GRID_KEY, PNG_KEY, QUERY_KEY, VERSION, Recipe

KINDS = {str: "text", int: "whole", float: "number"}


def page_data() -> dict:
    """All of it, as plain values."""
    return {
        "title": page.TITLE,
        "intro": page.INTRO,
        "recipe": recipe(),
        "panel": {
            "more": list(panel.MORE),
            "marks": {str(w): text for w, text in panel.MARKS.items()},
            "examples": list(panel.EXAMPLES),
            "atOnce": live.AT_ONCE,
        },
        "tables": tables(),
        "models": {name: model(fits.of(name)) for name in specs.MODELS},
        "lenses": [lens.name for lens in page.LENSES],
        "guidance": _guidance(),
        "samplers": _samplers(),
    }


def recipe() -> dict:
    """Every field of a recipe with its bounds and help, and how recipes are stored."""
    fields = {
        name: {"kind": KINDS[type(f.default)], "default": f.default, **f.metadata}
        for name, f in FIELDS.items()
    }
    return {
        "fields": fields,
        "version": VERSION,
        "former": {str(version): values for version, values in FORMER.items()},
        "query": QUERY_KEY,
        "png": PNG_KEY,
        "grid": GRID_KEY,
    }


def tables() -> dict:
    """The choices of a recipe's fields that have a table."""
    return {
        "sampler": {one.name: _sampler(one) for one in samplers.SAMPLERS.values()},
        "guider": _choices(guidance.GUIDERS),
        "guidance_schedule": _choices(guidance.SCHEDULES),
    }


def _choices(table: dict) -> dict:
    return {one.name: {"label": one.label, "sentence": one.sentence} for one in table.values()}


def _sampler(one: Sampler) -> dict:
    return {
        "label": one.label,
        "sentence": one.sentence,
        "calls": one.calls,
        "extra": one.extra,
        "stochastic": one.stochastic,
        "usesEta": one.uses_eta,
    }


def model(fit: Fit) -> dict:
    """What of the page fits a model, and why the rest does not."""
    spec, kind = fit.spec, fit.guidance
    return {
        "label": spec.label.removesuffix(" (built in)"),
        "full": spec.label,
        "sentence": spec.sentence,
        "usual": asdict(fit.usual),
        "side": spec.side,
        "largest": spec.largest,
        "multiple": fit.multiple,
        "network": fit.network,
        "crossAttention": fit.cross_attention,
        "guidance": {
            "label": kind.label,
            "help": FIELDS["guidance"].metadata["help"]
            if kind is guidance.CLASSIFIER_FREE
            else kind.sentence,
            "branches": kind.branches,
            "fixed": kind is guidance.DISTILLED,
        },
        "samplers": [one.name for one in fit.samplers],
        "general": [one.name for one in fit.general],
        "raced": samplers_lens.usual_names(fit),
        "refusals": {
            one.name: refusal
            for one in samplers.SAMPLERS.values()
            if (refusal := one.refusal_of(spec.scheduler_config))
        },
        "refused": fit.refused,
        "unused": list(fit.unused),
        "whyUnused": fit.why_unused,
        "whyNot": {part: fit.why_not(part) for part in fits.PARTS},
        "summing": _summing(spec),
    }


def _summing(spec: ModelSpec) -> dict:
    """How its maps are summed, and what that was measured to be worth at its own size."""
    how = Aggregation.of(spec.card)
    said = {
        "own": studio.summing(Recipe.for_model(spec.name, spec.defaults), [0.0]),
        "other": studio.summing(Recipe(model=spec.name, width=64, height=64), [0.0]),
    }
    return {
        "latest": how.latest,
        "weights": list(how.weights),
        "edges": how.edges,
        "said": {at: {"text": one.text, "claim": one.claim} for at, one in said.items()},
    }


def _guidance() -> dict:
    return {
        "intro": guidance_lens.INTRO,
        "sweep": guidance_lens.SWEEP,
        "axes": axis.AXES,
        "most": sweeping.MOST,
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
        "texts": {
            "plane": schedules.PLANE,
            "grids": schedules.GRIDS,
            "noising": noising.TEXT,
            "counting": counting.TEXT,
            "lecture": lecture_section.TEXT,
        },
    }
