"""How the maps of many calls and grids become one map per word; chosen by measurement."""

from collections.abc import Sequence
from dataclasses import dataclass

from playground.wording import percent


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


DEFAULT = Aggregation()
