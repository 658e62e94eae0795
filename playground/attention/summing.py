"""How the maps of many calls and grids become one map per word; chosen by measurement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from playground.diffusion.levels import Level
from playground.wording import percent

# Timesteps, in thousandths of the training's, at which ways of summing are compared on pictures
# that are there already: from much noise to little, as a sampler goes.
READ_AT = (800, 600, 400, 200)


@dataclass(frozen=True)
class Aggregation:
    """How the maps of many calls and grids become one map per word; chosen by measurement.

    Only calls at timesteps ≤ `latest` count: layout is settled there. A word's share at a position
    is ∏_g share_g^weight_g over the grids from the finest on, normalised over the words: a product
    of experts (Hinton 2002, eq. 1), in which every grid can veto. `edges` is the radius of the
    guided filter that carries maps over to a finished picture's edges, as a part of its longer
    side; 0 for bilinear upsampling alone.
    """

    latest: float = 400
    weights: tuple[float, ...] = (0.5, 1.0)
    edges: float = 0.09375

    @classmethod
    def of(cls, card: dict) -> "Aggregation":
        """What a model's card says was chosen for it; the default if it says nothing."""
        recipe = card.get("attention", {}).get("recipe", {})
        return cls(**recipe | {"weights": tuple(recipe.get("weights", cls.weights))})

    def __str__(self) -> str:
        weights = ", ".join(f"{w:g}" for w in self.weights)
        edges = f"along edges within {percent(self.edges)} of the side"
        exponents = f"exponents {weights} from the finest grid on"
        return f"t ≤ {self.latest:g}; {exponents}; {edges if self.edges else 'no edges'}"

    def settled(self, timesteps: Sequence[float]) -> list[int]:
        """Which calls count; in a run without calls that late, the last one counts."""
        return [i for i, t in enumerate(timesteps) if t <= self.latest] or [len(timesteps) - 1]

    def levels(self, config: Mapping) -> tuple[Level, ...]:
        """The levels at which a picture that is there already is read, from much noise to little:
        those of READ_AT that count, on the noise schedule of a model's scheduler `config`.

        They are those whose maps are summed for a drawn picture of the same model. A timestep's
        level is the one it had in training: that of ᾱ_t, or of σ = t/1000 in rectified flow.
        """
        from playground.diffusion.forward import training_levels

        known = training_levels(config)
        chosen = [READ_AT[i] * len(known) / 1000 for i in self.settled(READ_AT)]
        return tuple(min(known, key=lambda level: abs(level.t - t)) for t in chosen)


DEFAULT = Aggregation()
