"""Draw random scenes, and say them in English."""

from collections.abc import Callable, Iterator

import numpy as np

from playground.world.heldout import is_held_out
from playground.world.render import bounds
from playground.world.scene import GRID, SIDE, Caption, Item, Scene
from playground.world.text import Text
from playground.world.vocabulary import (
    COLORS,
    COSTUME,
    NOUNS,
    PLACES,
    SCENERY,
    SHAPES,
    SIZES,
    SUBJECTS,
    THINGS,
    UNSEEN_ON,
    WEARABLE,
    with_article,
)

Rng = np.random.Generator
NORMAL = {1: 64, 2: 48, 3: 40}  # side in pixels of an ordinary item, by how many there are
SCALED = {"small": {1: 40, 2: 32}, "large": {1: 96, 2: 64}}
TASKS = {  # share of each kind of scene in the stream: more of what scores worst
    "place": 0.02,
    "single": 0.26,
    "worn": 0.08,
    "pair": 0.52,
    "count": 0.08,
    "triple": 0.04,
}
SAY_PLACE = 0.85  # otherwise the place is left unsaid
SAY_COLOR = 0.93


def pick(rng: Rng, options):
    return options[int(rng.integers(len(options)))]


def near(rng: Rng, center: tuple[int, int], reach: int) -> tuple[int, int]:
    """`center` moved by up to `reach` grid cells each way."""
    dx, dy = rng.integers(-reach, reach + 1, 2) * GRID
    return int(center[0] + dx), int(center[1] + dy)


def random_place(rng: Rng) -> str:
    scenery = rng.random() < 0.4
    return pick(rng, [p.name for p in SCENERY] if scenery else [f"{c} background" for c in COLORS])


def random_noun(rng: Rng, place: str) -> dict:
    """The nouns of one item: a subject, a thing or a coloured shape that shows on its place."""
    roll = rng.random()
    if roll < 0.40:
        return {"noun": pick(rng, SUBJECTS).name}
    if roll < 0.72:
        return {"noun": pick(rng, THINGS).name}
    return {"noun": pick(rng, SHAPES), "color": pick(rng, visible_colors(place))}


def visible_colors(place: str) -> list[str]:
    return [c for c in COLORS if not place.startswith(c) and UNSEEN_ON.get(place) != c]


def _item(rng: Rng, place: str, count: int, center: tuple[int, int], may_wear: float) -> Item:
    noun = random_noun(rng, place)
    scale = pick(rng, list(SIZES)) if count < 3 and rng.random() < 0.15 else None
    worn = None
    if noun["noun"] in NOUNS and NOUNS[noun["noun"]].wears and rng.random() < may_wear:
        worn = pick(rng, [*WEARABLE, COSTUME])
    size = SCALED[scale][count] if scale else NORMAL[count]
    return Item(center=center, size=size, scale=scale, worn=worn, **noun)


def _spots(rng: Rng, count: int) -> list[tuple[int, int]]:
    """Where `count` items stand, roughly."""
    if count == 2:
        spots = pick(rng, [[(32, 64), (96, 64)], [(32, 64), (96, 64)], [(64, 32), (64, 96)]])
    else:
        spots = pick(rng, [[(24, 64), (64, 64), (104, 64)], [(64, 32), (32, 92), (96, 92)]])
    return [spots[i] for i in rng.permutation(count)]


def _single(rng: Rng, place: str) -> tuple[Item, ...]:
    return (_item(rng, place, 1, near(rng, (64, 64), 2), 0),)


def _worn(rng: Rng, place: str) -> tuple[Item, ...]:
    noun = pick(rng, SUBJECTS).name
    worn = pick(rng, [*WEARABLE, COSTUME])
    return (Item(noun, near(rng, (64, 72), 2), 72 if worn == COSTUME else NORMAL[1], worn=worn),)


def several(rng: Rng, place: str, count: int) -> tuple[Item, ...]:
    items = [_item(rng, place, count, near(rng, s, 1), 0.2) for s in _spots(rng, count)]
    # Two of one kind would be a count: that has its own captions.
    return tuple(items) if len({i.noun for i in items}) == count else ()


def _pair(rng: Rng, place: str) -> tuple[Item, ...]:
    return _shapes(rng, place, 2) if rng.random() < 0.25 else several(rng, place, 2)


def _shapes(rng: Rng, place: str, count: int) -> tuple[Item, ...]:
    """Shapes, no two alike and no two of a colour: the plainest test of which colour goes where."""
    colors = rng.permutation(visible_colors(place))[:count]
    shapes = rng.permutation(SHAPES)[:count]
    return tuple(
        Item(str(shape), near(rng, spot, 1), NORMAL[count], color=str(color))
        for shape, color, spot in zip(shapes, colors, _spots(rng, count), strict=True)
    )


def _count(rng: Rng, place: str) -> tuple[Item, ...]:
    count = int(rng.integers(2, 4))
    noun = random_noun(rng, place)
    return tuple(
        Item(center=near(rng, spot, 1), size=NORMAL[count], **noun) for spot in _spots(rng, count)
    )


LAYOUTS: dict[str, Callable[[Rng, str], tuple[Item, ...]]] = {
    "place": lambda rng, place: (),
    "single": _single,
    "worn": _worn,
    "pair": _pair,
    "count": _count,
    "triple": lambda rng, place: several(rng, place, 3),
    "shapes": lambda rng, place: _shapes(rng, place, int(rng.integers(2, 4))),
}


def fits(items: tuple[Item, ...], margin: int = 2) -> bool:
    """Inside the frame and apart from each other."""
    boxes = [bounds(item) for item in items]
    inside = all(min(box[:2]) >= 0 and max(box[2:]) <= SIDE for box in boxes)
    apart = all(
        a[2] + margin <= b[0] or b[2] + margin <= a[0] or a[3] + margin <= b[1]
        or b[3] + margin <= a[1]
        for i, a in enumerate(boxes) for b in boxes[i + 1 :]
    )  # fmt: skip
    return inside and apart


def sample_scene(rng: Rng, task: str | None = None, held_out: bool | None = False) -> Scene:
    """A random scene; with a held-out combination or never with one, or None for any."""
    shares = np.array(list(TASKS.values()))
    name = task or str(rng.choice(list(TASKS), p=shares / shares.sum()))
    while True:
        place = random_place(rng)
        items = LAYOUTS[name](rng, place)
        scene = Scene(place, items, name)
        wanted = held_out is None or is_held_out(scene) == held_out
        if (items or name == "place") and wanted and fits(items):
            return scene


def stream(seed: int) -> Iterator[tuple[Scene, Caption]]:
    """The endless training stream of `seed`."""
    rng = np.random.default_rng(seed)
    while True:
        scene = sample_scene(rng)
        yield scene, describe(scene, rng)


def describe(scene: Scene, rng: Rng) -> Caption:
    """One of several right captions of the scene."""
    text = Text()
    place = PLACES[scene.place]
    if not scene.items:
        text.say_named(place.alone, place.name, "place")
        return text.caption()
    say_place, place_first = rng.random() < SAY_PLACE, rng.random() < 0.12
    phrase = pick(rng, place.phrases)
    if say_place and place_first:
        text.say_named(phrase, place.name, "place")
        text.say(",")
    elif rng.random() < 0.1:
        text.say(pick(rng, ["a picture of", "a photo of"]))
    if scene.task == "count":
        _say_count(text, scene, rng)
    else:
        say_items(text, scene, rng)
    if say_place and not place_first:
        text.say_named(phrase, place.name, "place")
    return text.caption()


def _say_count(text: Text, scene: Scene, rng: Rng) -> None:
    say_count(text, scene.items[0], tuple(range(len(scene.items))), rng)


def say_count(text: Text, item: Item, everyone: tuple[int, ...], rng: Rng) -> None:
    """Say the number of items like `item`, their colour and their noun."""
    text.say({2: "two", 3: "three"}[len(everyone)], "count", everyone)
    if item.color and rng.random() < SAY_COLOR:
        text.say(item.color, "color", everyone)
    text.say(NOUNS[item.noun].many if item.noun in NOUNS else item.noun + "s", "noun", everyone)


def say_items(text: Text, scene: Scene, rng: Rng) -> None:
    order = rng.permutation(len(scene.items))
    for position, index in enumerate(map(int, order)):
        if position:
            text.say(_link(scene, order, position, rng))
        say_item(text, scene.items[index], index, rng)


def _link(scene: Scene, order: np.ndarray, position: int, rng: Rng) -> str:
    """What stands between two items: a true relation, `and`, or a comma."""
    if len(order) == 3:
        return "," if position == 1 else "and"
    if rng.random() < 0.35:
        return "and"
    first, second = (scene.items[int(i)].center for i in order)
    return relation(second[0] - first[0], second[1] - first[1], rng)


def relation(dx: int, dy: int, rng: Rng) -> str:
    """How to say where the first thing is, if the second is (dx, dy) pixels away from it."""
    if abs(dx) > abs(dy):
        side = "left of" if dx > 0 else "right of"
        return pick(rng, [side, f"to the {side}", side, "next to"])
    return pick(rng, ["above"] if dy > 0 else ["below", "below", "under"])


def say_item(text: Text, item: Item, index: int, rng: Rng) -> None:
    me = (index,)
    color = item.color if item.color and rng.random() < SAY_COLOR else None
    size = pick(rng, SIZES[item.scale]) if item.scale else None
    words = [(w, k) for w, k in ((size, "size"), (color, "color"), (item.noun, "noun")) if w]
    text.say(with_article(words[0][0]).split()[0])
    for word, kind in words:
        text.say(word, kind, me)
    if item.worn == COSTUME:
        if rng.random() < 0.2:
            text.say("dressed as an")
        text.say(COSTUME, "worn", me)
    elif item.worn:
        worn = WEARABLE[item.worn]
        text.say(pick(rng, worn.verbs))
        text.say_named(worn.phrase, worn.name, "worn", me)
