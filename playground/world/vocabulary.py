"""What exists in the emoji world: one record per noun, worn thing, shape, colour and place."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Noun:
    """A sprite with a name.

    `hat` and `eyes` are (x, y, width) in fractions of the sprite's side: where a hat's
    lower edge or the centre of a pair of glasses goes. Only subjects have them.
    """

    name: str
    codepoint: str  # file name in the npm package @lobehub/fluent-emoji-3d
    plural: str = ""
    hat: tuple[float, float, float] | None = None
    eyes: tuple[float, float, float] | None = None

    @property
    def wears(self) -> bool:
        return self.hat is not None

    @property
    def many(self) -> str:
        return self.plural or self.name + "s"


@dataclass(frozen=True)
class Worn:
    """Something a subject wears, placed at the subject's `hat` or `eyes` anchor."""

    name: str
    codepoint: str
    phrase: str  # "a top hat", but "sunglasses"
    anchor: str  # "hat" or "eyes"
    scale: float = 1.0  # width relative to the anchor's width
    sink: float = 0.0  # share of its height that goes below the hat line
    verbs: tuple[str, ...] = ("wearing", "wearing", "with", "in")


@dataclass(frozen=True)
class Place:
    """A background. `phrases` follow the objects; `alone` is the caption without objects."""

    name: str
    phrases: tuple[str, ...]
    alone: str


SUBJECTS = (
    Noun("cat", "1f431", "", (0.50, 0.30, 0.56), (0.50, 0.50, 0.60)),
    Noun("dog", "1f436", "", (0.50, 0.22, 0.58), (0.50, 0.43, 0.56)),
    Noun("fox", "1f98a", "foxes", (0.50, 0.35, 0.50), (0.50, 0.55, 0.54)),
    Noun("panda", "1f43c", "", (0.50, 0.24, 0.60), (0.50, 0.49, 0.62)),
    Noun("lion", "1f981", "", (0.50, 0.20, 0.56), (0.50, 0.43, 0.50)),
    Noun("frog", "1f438", "", (0.50, 0.28, 0.56), (0.50, 0.27, 0.74)),
    Noun("pig", "1f437", "", (0.50, 0.22, 0.58), (0.50, 0.45, 0.62)),
    Noun("rabbit", "1f430", "", (0.50, 0.45, 0.50), (0.50, 0.63, 0.56)),
    Noun("bear", "1f43b", "", (0.50, 0.22, 0.58), (0.50, 0.46, 0.56)),
    Noun("koala", "1f428", "", (0.50, 0.26, 0.54), (0.50, 0.47, 0.54)),
    Noun("penguin", "1f427", "", (0.49, 0.16, 0.42), (0.49, 0.27, 0.42)),
    Noun("owl", "1f989", "", (0.50, 0.16, 0.56), (0.50, 0.28, 0.64)),
    Noun("ghost", "1f47b", "", (0.50, 0.18, 0.48), (0.48, 0.31, 0.52)),
    Noun("robot", "1f916", "", (0.50, 0.22, 0.58), (0.50, 0.47, 0.62)),
    Noun("octopus", "1f419", "octopuses", (0.50, 0.24, 0.54), (0.50, 0.44, 0.66)),
    Noun("unicorn", "1f984", "", (0.36, 0.24, 0.44), (0.30, 0.47, 0.42)),
    Noun("monkey", "1f435", "", (0.50, 0.20, 0.56), (0.50, 0.43, 0.54)),
    Noun("alien", "1f47d", "", (0.50, 0.18, 0.60), (0.50, 0.45, 0.72)),
)

THINGS = (
    Noun("apple", "1f34e"),
    Noun("banana", "1f34c"),
    Noun("pizza", "1f355"),
    Noun("tree", "1f333"),
    Noun("cactus", "1f335", "cactuses"),
    Noun("rocket", "1f680"),
    Noun("car", "1f697"),
    Noun("house", "1f3e0"),
    Noun("castle", "1f3f0"),
    Noun("balloon", "1f388"),
    Noun("ball", "26bd"),
    Noun("mushroom", "1f344"),
    Noun("rose", "1f339"),
    Noun("guitar", "1f3b8"),
    Noun("cake", "1f382"),
    Noun("boat", "26f5"),
    Noun("umbrella", "2602-fe0f"),
    Noun("butterfly", "1f98b", "butterflies"),
    Noun("sunflower", "1f33b"),
    Noun("strawberry", "1f353", "strawberries"),
)

WORN = (
    Worn("top hat", "1f3a9", "a top hat", "hat", 1.0, 0.12),
    Worn("crown", "1f451", "a crown", "hat", 0.95, 0.10),
    Worn("cap", "1f9e2", "a cap", "hat", 0.95, 0.18),
    Worn("bow", "1f380", "a bow", "hat", 0.85, 0.45, ("wearing", "with")),
    Worn("sunglasses", "1f576-fe0f", "sunglasses", "eyes", 1.0),
)
COSTUME = "astronaut"

SHAPES = ("square", "circle", "triangle", "star", "heart", "diamond")

COLORS = {
    "red": (222, 44, 48),
    "orange": (247, 140, 36),
    "yellow": (250, 213, 50),
    "green": (52, 168, 83),
    "blue": (52, 104, 224),
    "purple": (132, 70, 190),
    "pink": (250, 150, 190),
    "white": (246, 246, 248),
    "gray": (134, 136, 142),
    "black": (34, 34, 40),
}

SCENERY = (
    Place("night sky", ("in the night sky",), "the night sky"),
    Place("sunset", ("at sunset",), "a sunset"),
    Place("beach", ("at the beach", "on the beach"), "the beach"),
    Place("grass", ("on the grass", "on grass"), "grass"),
    Place("snow", ("in the snow",), "snow"),
)

UNSEEN_ON = {"snow": "white", "night sky": "black"}  # a shape of this colour would vanish

SIZES = {"small": ("small", "tiny"), "large": ("large", "big")}


def _article(word: str) -> str:
    """`a` or `an`: by sound, so `a unicorn` but `an umbrella`."""
    return "an" if word[0] in "aeiou" and not word.startswith("uni") else "a"


def with_article(phrase: str) -> str:
    return f"{_article(phrase)} {phrase}"


def _plain(color: str) -> Place:
    name = f"{color} background"
    phrase = with_article(name)
    return Place(name, (f"on {phrase}",), phrase)


PLACES = {p.name: p for p in (*map(_plain, COLORS), *SCENERY)}
NOUNS = {n.name: n for n in (*SUBJECTS, *THINGS)}
WEARABLE = {w.name: w for w in WORN}
