"""Read a prompt of this world: what it asks for, and what of it a picture lacks."""

import re
from dataclasses import dataclass

from playground.world.scene import GRID, Item, Scene
from playground.world.vocabulary import COLORS, COSTUME, NOUNS, PLACES, SHAPES, WEARABLE

COUNTS = {"two": 2, "three": 3}
# (x, y) of the direction from the first thing to the second
RELATIONS = {"left of": (1, 0), "right of": (-1, 0), "above": (0, 1), "below": (0, -1)}
RELATIONS |= {"under": RELATIONS["below"], "next to": None}
_SPLIT = re.compile(rf",|\band\b|(?:to the )?({'|'.join(RELATIONS)})\b")
_NOUNS = {n.name: n.name for n in NOUNS.values()} | {n.many: n.name for n in NOUNS.values()}
_NOUNS |= {s: s for s in SHAPES} | {s + "s": s for s in SHAPES}
_WORN = (*WEARABLE, COSTUME)
_PLACES = sorted(
    ((phrase, p.name) for p in PLACES.values() for phrase in (*p.phrases, p.alone)),
    key=lambda pair: -len(pair[0]),
)


@dataclass(frozen=True)
class Wanted:
    """One named thing, `count` times; what is None was not said."""

    noun: str
    color: str | None = None
    worn: str | None = None
    count: int = 1


@dataclass(frozen=True)
class Asked:
    """What a prompt names. `relation` is between the first and the second of `items`."""

    items: tuple[Wanted, ...] = ()
    place: str | None = None
    relation: str | None = None


def read(prompt: str) -> Asked:
    """What `prompt` asks for, in the words of this world; others are passed over."""
    text, place = prompt.lower(), None
    for phrase, name in _PLACES:
        found = re.search(rf"\b{re.escape(phrase)}\b", text)
        if found:
            text, place = text[: found.start()] + text[found.end() :], name
            break
    parts = _SPLIT.split(text.strip(" ,"))  # thing, what links it to the next, thing, …
    things = [_thing(part or "") for part in parts[::2]]
    between = parts[1] if len(things) == 2 and all(things) else None
    relation = between if between and RELATIONS[between] else None
    return Asked(tuple(t for t in things if t), place, relation)


def _thing(text: str) -> Wanted | None:
    words = re.findall(r"[a-z]+", text)
    noun = next((_NOUNS[w] for w in words if w in _NOUNS), None)
    if noun is None:
        return None
    return Wanted(
        noun,
        color=next((w for w in words if w in COLORS), None) if noun in SHAPES else None,
        worn=next((name for name in _WORN if re.search(rf"\b{name}\b", text)), None),
        count=next((COUNTS[w] for w in words if w in COUNTS), 1),
    )


def faults(asked: Asked, seen: Scene) -> frozenset[str]:
    """What is wrong with a picture in which `seen` was read.

    noun, color, worn, count, relation, place: asked for and not there, a number above one being
    exact; extra: there and not asked for.
    """
    wrong, matches = set(), []
    for wanted in asked.items:
        same = [item for item in seen.items if item.noun == wanted.noun]
        for name in ("noun", "color", "worn"):
            same = [i for i in same if getattr(wanted, name) in (None, getattr(i, name))]
            if not same:
                wrong.add(name)
                break
        if wanted.count > 1 and len(same) != wanted.count:
            wrong.add("count")
        matches.append(same)
    if asked.relation and not any(
        _stands(a, b, asked.relation) for a in matches[0] for b in matches[1]
    ):
        wrong.add("relation")
    if asked.place not in (None, seen.place):
        wrong.add("place")
    if len(seen.items) > sum(w.count for w in asked.items) or _unasked_worn(asked, seen):
        wrong.add("extra")
    return frozenset(wrong)


def _stands(first: Item, second: Item, relation: str) -> bool:
    """`first` is left of (…) `second` by more than a grid cell."""
    x, y = RELATIONS[relation]
    along = x * (second.center[0] - first.center[0]) + y * (second.center[1] - first.center[1])
    return along > GRID


def _unasked_worn(asked: Asked, seen: Scene) -> bool:
    worn = [wanted.worn for wanted in asked.items for _ in range(wanted.count) if wanted.worn]
    return sum(item.worn is not None for item in seen.items) > len(worn)
