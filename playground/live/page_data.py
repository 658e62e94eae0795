"""What the static page must know of the models and the lenses besides site.json: page.json.

Every label, text and reason is read from where the served page has it.
"""

from pathlib import Path

from playground import a1111
from playground.diffusion import guidance, reference
from playground.live import computing, elsewhere
from playground.live.lens_data import NAMES, of_lenses
from playground.models import specs
from playground.models.specs import ModelSpec
from playground.page import fits, live, page, panel, surprises
from playground.page.fits import Fit
from playground.page.remembering import facts, layout
from playground.page.samplers import lens as samplers_lens
from playground.page.studio import data as studio
from playground.page.words import known, surprise
from playground.recipe import FIELDS, Recipe
from playground.world import verdict

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
        "ofRun": {name: layout.OF_RUN for name in facts.MORE},
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
        "elsewhere": elsewhere.sentences(),
    } | of_lenses()


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
        "scales": _scales(fit),
        "refused": fit.refused,
        "wordsHelp": known.of(spec.name)["help"],
        "unused": list(fit.unused),
        "whyUnused": fit.why_unused,
        "whyNot": {part: fit.why_not(part) for part in fits.PARTS},
        "summing": _summing(spec),
    }


def _scales(fit: Fit) -> dict[str, float]:
    """How much of standard noise each sampler that can be measured begins with."""
    config = fit.spec.scheduler_config
    names = [one.name for one in fit.general if not one.distilled]
    return {name: reference.start_scale(name, config) for name in names}


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
