"""Scenes that ask for several things at once: counted and related, three nouns, dressed in company.

The grammar's own tasks ask for one thing each; these put them together.
"""

from collections.abc import Iterator

from playground.world import grammar
from playground.world.grammar import NORMAL, Rng, fits, near, pick
from playground.world.heldout import is_held_out
from playground.world.scene import Caption, Item, Scene
from playground.world.text import Text
from playground.world.vocabulary import COSTUME, PLACES, SHAPES, SUBJECTS, WEARABLE

# (x, y) of two alike and of the other, so that a relation holds for both of the two
_ABOVE, _LEFT = ((32, 36), (96, 36), (64, 96)), ((32, 32), (32, 96), (96, 64))
GROUPS = tuple(
    tuple((128 - x if flip else x, 128 - y if flip else y) for x, y in spots)
    for spots in (_ABOVE, _LEFT)
    for flip in (False, True)
)


def _noun(rng: Rng, place: str) -> dict:
    """As the grammar's, but half of all are coloured shapes."""
    if rng.random() < 0.3:
        colors = grammar.visible_colors(place)
        return {"noun": pick(rng, SHAPES), "color": pick(rng, colors)}
    return grammar.random_noun(rng, place)


def _group(rng: Rng, place: str) -> tuple[Item, ...]:
    """Two of one kind and one of another: "two red squares above a blue circle"."""
    many, other = _noun(rng, place), _noun(rng, place)
    if many["noun"] == other["noun"]:
        return ()
    nouns, spots = (many, many, other), pick(rng, GROUPS)
    return tuple(
        Item(center=near(rng, spot, 1), size=NORMAL[3], **noun)
        for noun, spot in zip(nouns, spots, strict=True)
    )


def _dressed(rng: Rng, place: str) -> tuple[Item, ...]:
    """A subject that wears something beside another noun: "a cat astronaut and a rocket"."""
    spots = pick(rng, (((32, 64), (96, 64)), ((96, 64), (32, 64)), ((64, 36), (64, 100))))
    worn = pick(rng, [*WEARABLE, COSTUME, COSTUME])
    subject = Item(pick(rng, SUBJECTS).name, near(rng, spots[0], 1), NORMAL[2], worn=worn)
    other = Item(center=near(rng, spots[1], 1), size=NORMAL[2], **grammar.random_noun(rng, place))
    return (subject, other) if subject.noun != other.noun else ()


LAYOUTS = {
    "group": _group,
    "three": lambda rng, place: grammar.several(rng, place, 3),
    "dressed": _dressed,
}


def sample_scene(rng: Rng, layout: str | None = None, held_out: bool = False) -> Scene:
    """A random composition, its task the layout's name; as `grammar.sample_scene` otherwise."""
    layout = layout or pick(rng, list(LAYOUTS))
    while True:
        place = grammar.random_place(rng)
        scene = Scene(place, LAYOUTS[layout](rng, place), layout)
        if scene.items and fits(scene.items) and is_held_out(scene) == held_out:
            return scene


def describe(scene: Scene, rng: Rng) -> Caption:
    """One of several right captions of a composition; the place is always said."""
    text, place = Text(), PLACES[scene.place]
    phrase = pick(rng, place.phrases)
    if first := rng.random() < 0.12:
        text.say_named(phrase, place.name, "place")
        text.say(",")
    if scene.task == "group":
        _say_group(text, scene, rng)
    else:
        grammar.say_items(text, scene, rng)
    if not first:
        text.say_named(phrase, place.name, "place")
    return text.caption()


def _say_group(text: Text, scene: Scene, rng: Rng) -> None:
    """Two of one kind and the other in either order, with the true relation between them."""
    two, other = scene.items[:2], scene.items[2]
    dx = other.center[0] - sum(item.center[0] for item in two) // 2
    dy = other.center[1] - sum(item.center[1] for item in two) // 2
    if rng.random() < 0.5:
        grammar.say_count(text, two[0], (0, 1), rng)
        text.say(grammar.relation(dx, dy, rng))
        grammar.say_item(text, other, 2, rng)
    else:
        grammar.say_item(text, other, 2, rng)
        text.say(grammar.relation(-dx, -dy, rng))
        grammar.say_count(text, two[0], (0, 1), rng)


def questions(rng: Rng, layout: str | None = None) -> Iterator[tuple[Scene, Caption]]:
    """Endless compositions with a caption of each: the prompts of the task `compose`."""
    while True:
        scene = sample_scene(rng, layout)
        yield scene, describe(scene, rng)
