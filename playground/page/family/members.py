"""The models that the Family lens draws with, and what is known of a run of each."""

from dataclasses import dataclass, field, replace

from playground.diffusion import paths, samplers
from playground.diffusion.levels import Level
from playground.diffusion.paths import Frame, Path
from playground.engine.events import Picture, Step
from playground.engine.session import ModelFacts, PromptFacts
from playground.models import specs
from playground.page import fits, serving, together
from playground.recipe import Recipe, RecipeError

KEPT = ("prompt", "negative", "guidance", "seed", "width", "height")  # of the visitor's recipe


@dataclass(frozen=True)
class Member:
    """A built-in model, and what its kind of network is called."""

    model: str
    label: str


MEMBERS = tuple(Member(spec.name, spec.kind) for spec in specs.MODELS.values())


@dataclass(eq=False)
class Drawn:
    """A member's run: its steps, then its picture; `facts` and `prompt` are its session's."""

    member: Member
    recipe: Recipe
    steps: list[Step] = field(default_factory=list)
    picture: Picture | None = None
    facts: ModelFacts | None = None
    prompt: PromptFacts | None = None

    @property
    def jumps(self) -> bool:
        """Whether every call points at the end of the path: nothing is followed step by step."""
        return samplers.get(self.recipe.sampler).distilled

    @property
    def end_level(self) -> Level:
        """Of the latents that are decoded: no noise, or the least noise of the training."""
        config = self.facts.scheduler_config
        return samplers.end_level(samplers.build(self.recipe.sampler, config, self.recipe.steps))

    def path(self, frame: Frame) -> Path:
        """The latents of every call and the picture's own."""
        latents, levels = [s.latents for s in self.steps], [s.level for s in self.steps]
        return paths.path(frame, latents, levels, self.picture.latents, self.end_level)


def recipes(recipe: Recipe) -> list[Recipe]:
    """The recipe for each model, with its own sampler and steps; ValueError if one cannot draw it.

    Guiders and schedules of guidance stay at their defaults: the student has nothing to guide.
    """
    kept = {name: getattr(recipe, name) for name in KEPT}
    made = [
        replace(Recipe.for_model(each.model, specs.get(each.model).defaults), **kept)
        for each in MEMBERS
    ]
    for each, one in zip(MEMBERS, made, strict=True):
        multiple = fits.of(each.model).multiple
        if one.width % multiple or one.height % multiple:
            raise RecipeError(f"The {each.label} draws sides that are multiples of {multiple}.")
    return [serving.check(one) for one in made]


def share(state: list[Drawn]) -> float:
    """How much of all network calls is done."""
    done = sum(len(one.steps) for one in state)
    return done / sum(together.calls(one.recipe) for one in state)
