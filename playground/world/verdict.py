"""Say in plain words what a picture shows of what its prompt asks for."""

import functools
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from playground.paths import ASSETS
from playground.wording import percent
from playground.world import asked
from playground.world.asked import Asked, Wanted
from playground.world.scene import Item, Scene
from playground.world.vocabulary import COSTUME, NOUNS, PLACES, WEARABLE, with_article

NUMBERS = {count: word for word, count in asked.COUNTS.items()}
CARD = ASSETS / "oracle" / "card.json"


@dataclass(frozen=True)
class Verdict:
    """What was `asked` and what was `seen`, each as one phrase; the parts that are `missing` and
    those that are there without being asked for (`extra`), each as a phrase of its own.

    `faults` are those of `asked.faults`.
    """

    asked: str
    seen: str
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    faults: frozenset[str]

    @property
    def right(self) -> bool:
        """Whether all that was asked for is there; what was not asked for is passed over."""
        return not self.missing

    def __str__(self) -> str:
        lacking = f"missing: {', '.join(self.missing)}" if self.missing else "nothing is missing"
        more = f"; not asked for: {', '.join(self.extra)}" if self.extra else ""
        return f"Asked: {self.asked}; seen: {self.seen}; {lacking}{more}."


def of(prompt: str, seen: Scene) -> Verdict:
    """The verdict on a picture in which the scene `seen` was read."""
    wanted = asked.read(prompt)
    return Verdict(
        _asked(wanted), _seen(seen), tuple(_missing(wanted, seen)), tuple(_extra(wanted, seen)),
        asked.faults(wanted, seen),
    )  # fmt: skip


@functools.lru_cache(maxsize=1)
def accuracy() -> str:
    """How often the oracle itself is right, as its card says it was measured."""
    found = json.loads(CARD.read_text(encoding="utf-8"))["reconstructed"]
    named = ("noun", "worn", "color", "count", "place")
    called = {"noun": "things", "worn": "what they wear", "color": "colours of shapes",
              "count": "their number", "place": "the place"}  # fmt: skip
    parts = ", ".join(f"{called[name]} {percent(found[name], 1)}" for name in named)
    return (
        "The oracle is a small network that was trained on rendered scenes alone. Of scenes that "
        "no training has drawn, as the autoencoder shows them, it reads everything rightly in "
        f"{percent(found['everything'], 1)} ({parts}). On drawn pictures, which are less clean, "
        "its accuracy was not measured. It does not judge sizes, colours of animals and objects, "
        "and words outside of the emoji world."
    )


# What was asked, seen, and lacks.


def _missing(wanted: Asked, seen: Scene) -> list[str]:
    found = []
    for item, (lacking, _) in zip(wanted.items, asked.of_each(wanted, seen), strict=True):
        if lacking & {"noun", "color"}:
            found.append(_thing(replace(item, worn=None)))
        elif "worn" in lacking:
            found.append(f"the {item.worn}{_owner(item, wanted)}")
        elif "count" in lacking:
            found.append(f"exactly {_thing(item)}")
    faults = asked.faults(wanted, seen)
    if "relation" in faults:
        first, second = wanted.items
        name = _the_very if first.noun == second.noun else _the_thing
        found.append(f"{name(first)} {wanted.relation} {name(second)}")
    if "place" in faults and wanted.place:
        found.append(PLACES[wanted.place].alone)
    return found


def _owner(item: Wanted, wanted: Asked) -> str:
    return f" of the {item.noun}" if len(wanted.items) > 1 else ""


def _extra(wanted: Asked, seen: Scene) -> list[str]:
    """Things beyond the number asked for, and worn things beyond that, as `asked.faults` counts: a
    thing in the place of another is not one more.
    """
    over = _unmatched(wanted, seen) if len(seen.items) > sum(i.count for i in wanted.items) else []
    asked_worn = Counter((i.noun, i.worn) for i in wanted.items for _ in range(i.count) if i.worn)
    worn = Counter((i.noun, i.worn) for i in seen.items if i.worn)
    dressed = worn - asked_worn if worn.total() > asked_worn.total() else Counter()
    dressed -= Counter((i.noun, i.worn) for i in over)  # named with its wearer
    return ([_grouped(over)] if over else []) + [f"the {w} of the {noun}" for noun, w in dressed]


def _unmatched(wanted: Asked, seen: Scene) -> list[Item]:
    """What is left if each thing asked for takes the seen ones that are most like it."""
    left = list(seen.items)
    for item in wanted.items:
        same = [s for s in left if s.noun == item.noun]
        same.sort(key=lambda s: (s.color == item.color, s.worn == item.worn), reverse=True)
        for one in same[: item.count]:
            left.remove(one)
    return left


def _asked(wanted: Asked) -> str:
    joint = f" {wanted.relation} " if wanted.relation else " and "
    return _placed(joint.join(map(_thing, wanted.items)), wanted.place)


def _seen(seen: Scene) -> str:
    return _placed(_grouped(seen.items), seen.place)


def _placed(things: str, place: str | None) -> str:
    if place is None:
        return things
    return f"{things}, {PLACES[place].phrases[0]}" if things else PLACES[place].alone


def _grouped(items: Sequence[Item]) -> str:
    """Equal ones are counted."""
    kinds = [Wanted(i.noun, i.color, i.worn) for i in items]
    return " and ".join(
        _thing(replace(kind, count=kinds.count(kind))) for kind in dict.fromkeys(kinds)
    )


def _thing(item: Wanted) -> str:
    """a red square; three cats wearing a crown; an astronaut cat."""
    noun = item.noun if item.count == 1 else _many(item.noun)
    before = [item.color, item.worn if item.worn == COSTUME else None]
    named = " ".join([*filter(None, before), noun])
    count = NUMBERS.get(item.count, str(item.count))
    said = with_article(named) if item.count == 1 else f"{count} {named}"
    return f"{said} wearing {WEARABLE[item.worn].phrase}" if item.worn in WEARABLE else said


def _the_thing(item: Wanted) -> str:
    return f"the {item.noun if item.count == 1 else _many(item.noun)}"


def _the_very(item: Wanted) -> str:
    """The red square, of two."""
    return f"the {_thing(item).removeprefix('a ').removeprefix('an ')}"


def _many(noun: str) -> str:
    return NOUNS[noun].many if noun in NOUNS else noun + "s"
