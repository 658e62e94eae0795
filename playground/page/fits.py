"""What of the page fits a model, and in one sentence why the rest does not.

Read from the model's files, and from its session where that is open; no weights are loaded for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from playground.diffusion.guidance import DISTILLED, Kind, as_it_is
from playground.diffusion.samplers import GENERAL, SAMPLERS, Sampler
from playground.models import specs
from playground.models.specs import ModelSpec
from playground.page import serving
from playground.recipe import Recipe, RecipeError

# Fields of a recipe that say something about combining two predictions.
TWO_BRANCHES = ("negative", "guider", "rescale")
OVER_TIME = ("guidance_schedule", "guidance_start", "guidance_stop")


@dataclass(frozen=True, eq=False)
class Fit:
    """What the page must know of a model: `guidance` says what w is, sides of pictures are
    multiples of `multiple`.
    """

    spec: ModelSpec
    guidance: Kind
    multiple: int

    @property
    def usual(self) -> Recipe:
        """What a recipe for this model begins with."""
        return Recipe.for_model(self.spec.name, self.spec.defaults)

    @property
    def network(self) -> str:
        """What its denoiser is called."""
        return "U-Net" if self.spec.checkpoint.network.name == "unet" else "transformer"

    @property
    def cross_attention(self) -> bool:
        """Whether its image reads the words by layers of their own."""
        return self.spec.cross_attention

    @property
    def few_steps(self) -> bool:
        """Whether it is a consistency model, which jumps to the end instead of solving an ODE."""
        return SAMPLERS[self.usual.sampler].distilled

    @cached_property
    def samplers(self) -> tuple[Sampler, ...]:
        """Those that can sample it."""
        config = self.spec.scheduler_config
        return tuple(one for one in SAMPLERS.values() if not one.refusal_of(config))

    @property
    def general(self) -> tuple[Sampler, ...]:
        """Those that are worth a comparison: the ones for any network, and the model's own."""
        own = self.usual.sampler
        return tuple(one for one in self.samplers if one.name in (*GENERAL, own))

    @property
    def refused(self) -> str:
        """The samplers that it cannot use, by their reasons; empty if there are none."""
        found = {}
        for one in SAMPLERS.values():
            if reason := one.refusal_of(self.spec.scheduler_config):
                found.setdefault(reason.replace(one.label, "", 1).strip(), []).append(one.label)
        return " ".join(f"{', '.join(labels)} {reason}" for reason, labels in found.items())

    @property
    def unused(self) -> tuple[str, ...]:
        """Fields of a recipe that change nothing of this model's pictures."""
        if self.guidance is DISTILLED:
            return (*TWO_BRANCHES, *OVER_TIME)
        return () if self.guidance.branches else TWO_BRANCHES

    @property
    def why_unused(self) -> str:
        """Why these fields are not there; empty if all are."""
        if not self.unused:
            return ""
        without = (
            " Guidance over time has nothing to change." if OVER_TIME[0] in self.unused else ""
        )
        return (
            "Negative words, guiders and rescale combine two predictions; this model makes one. "
            f"{self.guidance.sentence}{without}"
        )

    def why_not(self, part: str) -> str:
        """Why a part of the page does not fit this model; empty if it does."""
        return PARTS[part](self)


def of(model: str, lora: str = "") -> Fit:
    """Raises ValueError for what `specs.get` refuses."""
    spec, session = specs.get(model), serving.opened(model, lora)
    if session:
        return Fit(spec, session.facts.guidance, session.facts.multiple)
    found = spec.checkpoint
    config = found.config(found.network.name)
    stages = found.config("vae").get("block_out_channels") or (0,) * 4
    patch = config.get("patch_size") or 1
    return Fit(spec, spec.guidance, 2 ** (len(stages) - 1) * (patch if type(patch) is int else 2))


def whose(recipe: Recipe) -> str:
    """Which picture a result is of: the recipe may be another one by now."""
    words = f"“{recipe.prompt}”" if recipe.prompt else "no words"
    return f"{words}, seed {recipe.seed}, {specs.get(recipe.model).short}"


def require(recipe: Recipe, part: str) -> None:
    """Raises RecipeError, with the reason, if the recipe's model has no such part of the page."""
    if reason := of(recipe.model, recipe.lora).why_not(part):
        raise RecipeError(reason)


def _lookahead(fit: Fit) -> str:
    if fit.guidance.branches:
        return ""
    return (
        "This model makes one prediction a call, so there are no two to combine at another w: "
        f"{_lower(fit.guidance.sentence)}"
    )


def _without_words(fit: Fit) -> str:
    if fit.guidance.branches:
        return ""
    return "This model has no prediction without words, so w = 0 does not take them away."


def _edits(fit: Fit) -> str:
    if fit.cross_attention:
        return ""
    return (
        "An edit replaces what the image reads of the words; in this model words and image attend "
        "to each other, so there is no cross-attention to replace."
    )


def _worked(fit: Fit) -> str:
    if fit.network == "U-Net":
        return ""
    return "Only a U-Net’s cross-attention is worked out here; this model is a transformer" + (
        "." if fit.cross_attention else ", in which words and image attend to each other."
    )


def _exact(fit: Fit) -> str:
    if fit.few_steps:
        return (
            "A consistency model jumps to the end of the path and adds fresh noise: it follows no "
            "ODE whose exact solution it could be compared with."
        )
    if fit.spec.scheduler_config.get("rescale_betas_zero_snr"):
        return "There is no exact solution here: this model begins at σ = ∞ (zero SNR)."
    return ""


def _lecture(fit: Fit) -> str:
    if fit.few_steps:
        return "This model was distilled to few steps: fifty or a thousand are not what it is for."
    for name in ("ddpm", "ddim"):
        if reason := SAMPLERS[name].refusal_of(fit.spec.scheduler_config):
            return reason
    return ""


def _oracle(fit: Fit) -> str:
    if fit.spec.built_in:
        return ""
    return "The oracle that reads the pictures knows the built-in models’ emoji world alone."


def _plain_sum(fit: Fit) -> str:
    if fit.guidance.after is as_it_is:
        return ""
    return (
        f"The slider shows the formula alone; this model goes on: {_lower(fit.guidance.sentence)}"
    )


PARTS: dict[str, Callable[[Fit], str]] = {
    "lookahead": _lookahead,
    "plain sum": _plain_sum,
    "without words": _without_words,
    "edits": _edits,
    "worked": _worked,
    "exact": _exact,
    "lecture": _lecture,
    "oracle": _oracle,
}


def _lower(sentence: str) -> str:
    """As the second half of a sentence, unless it begins with a formula."""
    return sentence[0].lower() + sentence[1:] if sentence[1:2].isalpha() else sentence
