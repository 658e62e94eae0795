"""What the Family lens shows of three runs: pictures, figures, and their paths in one plane."""

import numpy as np

from playground.diffusion import samplers
from playground.diffusion.errors import Plane
from playground.diffusion.errors import plane as plane_of
from playground.diffusion.paths import FLOW, FRAMES, SAMPLED, Frame
from playground.models import specs
from playground.page.family.members import Drawn
from playground.page.family.views import drawn as view
from playground.recipe import Recipe
from playground.wording import counted, percent

UNMEASURED = "not measured yet"
JUMPS = "it jumps"  # where a number would say how straight a path is


def models(state: list[Drawn]) -> list[dict]:
    """The runs so far."""
    return [_model(one) for one in state]


def _model(one: Drawn) -> dict:
    previews = [step.preview for step in one.steps]
    link, size = one.recipe.to_query(), (one.recipe.height, one.recipe.width)
    if not one.picture:
        return view.sampling(one.member.label, size, previews[-1:], link)
    return view.finished(one.member.label, size, previews, link, one.picture.png())


def finished(state: list[Drawn]) -> dict:
    """All there is to see of three finished runs."""
    recipe = state[0].recipe
    words = f"“{recipe.prompt}”" if recipe.prompt else "No words"
    spent = sum(sum(one.picture.seconds.values()) for one in state)
    text = (
        f"{words}, seed {recipe.seed}, w = {recipe.guidance:g}: three pictures in {spent:.1f} s, "
        f"one after the other. {noise(state)}"
    )
    return view.models(
        models(state), text, rows=figures(state), notes=notes(state),
        planes=[plane(state, frame) for frame in FRAMES.values()],
    )  # fmt: skip


def noise(state: list[Drawn]) -> str:
    """What is the same in the beginning, and what is not."""
    first, flow = state[0].steps[0].level, state[1].steps[0].level
    return (
        "The same noise means the same numbers ε of the seed, which are the latents x of each "
        f"model’s first call; σ differs, because the U-Net and the student take x for "
        f"{first.signal:.2f}·x0 + {first.noise:.3f}·ε (noise divided by signal: "
        f"{first.sigma:.1f}), the flow transformer for {flow.signal:g}·x0 + {flow.noise:g}·ε."
    )


ROWS = (  # of the table: a label, and what it means
    ("Sampler", "Each model's usual one, with its usual steps."),
    ("Network calls (NFE)", "How often the network was asked."),
    ("Rows", "Two a call where the network is asked with and without words."),
    ("Seconds", "Of this run, as busy as the machine was, and what computed it."),
    ("Parameters", "Of the denoiser alone; text encoder and autoencoder are alike."),
    ("Pictures right", "What the oracle found of standard prompts, where measured."),
    ("Bend of x over t", "Of the latents as the network is given them: 0 is a straight line at "
     "even speed; then how far aside of that line they come, by its length."),
    ("Bend without the schedule", "The same after dividing x by signal + noise: there the line "
     "between any noise and any picture is straight, and what bends was learned or guided."),
)  # fmt: skip


def figures(state: list[Drawn]) -> list[dict]:
    """The table's rows: a label, what it means, and a text for each model."""
    values = (
        _sampler, lambda x: x.picture.calls, _rows, _seconds, _size, scores,
        lambda x: _bend(x, SAMPLED), lambda x: _bend(x, FLOW),
    )  # fmt: skip
    return [
        {"label": label, "help": help_, "values": [str(of(one)) for one in state]}
        for (label, help_), of in zip(ROWS, values, strict=True)
    ]


def _sampler(one: Drawn) -> str:
    return f"{samplers.get(one.recipe.sampler).label}, {counted(one.recipe.steps, 'step')}"


def _rows(one: Drawn) -> str:
    each = one.picture.rows / one.picture.calls
    return f"{one.picture.rows} ({each:g} a call)"


def _seconds(one: Drawn) -> str:
    picture = one.picture
    return f"{sum(picture.seconds.values()):.2f} by {' and '.join(picture.networks)}"


def _size(one: Drawn) -> str:
    return f"{one.facts.parameters / 1e6:.1f} million"


def scores(one: Drawn) -> str:
    """The mean over all tasks for the setting that this recipe has, or for the first measured."""
    return measured(specs.get(one.member.model).card.get("means", []), one.recipe)


def measured(means: list[dict], recipe: Recipe) -> str:
    """The mean of this recipe's setting, or of the first measured one, which is then named."""
    if not means:
        return UNMEASURED
    names = ("sampler", "steps", "guidance")
    own = [row for row in means if all(row[n] == getattr(recipe, n) for n in names)]
    if own:
        return percent(own[0]["mean"], 1)
    return elsewhere(means[0])


def elsewhere(row: dict) -> str:
    """What was measured with another setting, which is named."""
    at = f"{samplers.get(row['sampler']).label}, {row['steps']} steps, w = {row['guidance']:g}"
    return f"{percent(row['mean'], 1)} with {at}"


def _bend(one: Drawn, frame: Frame) -> str:
    if one.jumps:
        return JUMPS
    found = one.path(frame)
    return f"{found.bend():.2f}; {percent(found.furthest())}"


BENDS = (
    "A step of DDIM is a step of Euler in x divided by signal + noise, so the schedule’s curve "
    "costs it no error. What still bends there is how the prediction changes on the way, and "
    "guidance changes it most: draw with w = 1 and look again."
)
NEGATIVE = "The student has one branch: it does not read the negative words."
UNSHOWN = "The student learned w from 1 to 10; it was never shown this one."


def notes(state: list[Drawn]) -> list[str]:
    """What the numbers do not say by themselves."""
    recipe, found = state[0].recipe, [BENDS]
    if recipe.negative:
        found.append(NEGATIVE)
    if not 1 <= recipe.guidance <= 10:
        found.append(UNSHOWN)
    return found


def plane(state: list[Drawn], frame: Frame) -> dict:
    """All paths in the plane in which they move most; `share` of their variance is in it.

    A path that is followed has its places. One that jumps goes from each place straight to that
    call's pred_x0 (x̂0), gets fresh noise there, and jumps again; its last jump ends at the picture.
    """
    ways = [one.path(frame).places for one in state]
    found = plane_of(np.concatenate(ways))
    lines = [
        _jumps(one, way, found) if one.jumps else {"places": _placed(found, way)}
        for one, way in zip(state, ways, strict=True)
    ]
    for line, one in zip(lines, state, strict=True):
        line |= {"label": one.member.label}
    return view.plane(frame.label, lines, found.share)


def _jumps(one: Drawn, way: np.ndarray, found: Plane) -> dict:
    aims = [*(step.clean["guided"] for step in one.steps[:-1]), one.picture.latents]
    return {"places": _placed(found, way), "jumps": _placed(found, np.stack(aims))}


def _placed(found: Plane, latents: np.ndarray) -> list:
    return found.place(latents).round(view.DIGITS).tolist()
