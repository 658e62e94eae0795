"""Read a prompt of this world: what it asks for, and what of it a picture lacks."""

import itertools
import re
from dataclasses import dataclass

from playground import weighting
from playground.world.scene import GRID, Item, Scene
from playground.world.spelling import plain
from playground.world.vocabulary import COLORS, COSTUME, NOUNS, SCENERY, SHAPES, WEARABLE

COUNTS = {"two": 2, "three": 3}
# (x, y) of the direction from the first thing to the second
RELATIONS = {"left of": (1, 0), "right of": (-1, 0), "above": (0, 1), "below": (0, -1)}
RELATIONS |= {"under": RELATIONS["below"], "next to": None}
OPPOSITE = {"left of": "right of", "above": "below"}
OPPOSITE |= {b: a for a, b in OPPOSITE.items()} | {"under": "above", "next to": "next to"}
# how a noun may be written, and its name
NAMED = {n.name: n.name for n in NOUNS.values()} | {n.many: n.name for n in NOUNS.values()}
NAMED |= {s: s for s in SHAPES} | {s + "s": s for s in SHAPES}


def _any(names) -> str:
    """A pattern for any of the names, however their words are separated."""
    longest_first = sorted(names, key=len, reverse=True)
    return "|".join(name.replace(" ", r"[\s_-]+") for name in longest_first)


PLACE = re.compile(
    r"(?:\b(?:in|on|at|under|against|with)\s+)?(?:\b(?:an?|the)\s+)?"
    rf"\b(?:(?P<scenery>{_any(p.name for p in SCENERY)})"
    rf"|(?P<before>{_any(COLORS)})[\s-]+background"
    rf"|background(?:\s+is|:)?\s+(?P<after>{_any(COLORS)}))\b"
)
TOKEN = re.compile(
    rf"\b(?:(?:(?:to|on|at)\s+the\s+)?(?P<relation>{_any(RELATIONS)})(?P<turned>\s+it)?"
    r"|(?:to|on|at)\s+the\s+(?P<side>left|right)"
    rf"|(?P<worn>{_any((*WEARABLE, COSTUME))})|(?P<count>{_any(COUNTS)})"
    rf"|(?P<color>{_any(COLORS)})|(?P<noun>{_any(NAMED)})|(?P<the>the)|(?P<article>an?)|(?P<link>and|with)"
    r"|(?P<verb>is|are|has|have|plus|there|also|that|which|who))\b"
    r"|(?P<stop>[,.;:!?|/()])|(?P<gap>\n)"
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


LINKS = ("link", "stop")
Token = tuple[str, str]  # kind, as the groups of TOKEN are called, and the word


def read(prompt: str) -> Asked:
    """What `prompt` asks for, in the words of this world; others are passed over."""
    text = plain(weighting.plain(prompt))
    places = [_place(found) for found in PLACE.finditer(text)]
    tokens = _tokens(PLACE.sub("\n", text))
    items = _things(tokens)
    relation = _relation(tokens, *items) if len(items) == 2 else None
    return Asked(tuple(items), places[0] if places else None, relation)


def _place(found: re.Match) -> str:
    color = found["before"] or found["after"]
    return f"{color} background" if color else _words(found["scenery"])


def _words(text: str) -> str:
    return " ".join(re.split(r"[\s_-]+", text))


def _tokens(text: str) -> list[Token]:
    """The known words and the punctuation, in order."""
    found = []
    for match in TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "turned":  # "a dog, left of it a cat": the cat is left of the dog
            found.append(("relation", OPPOSITE[_words(match["relation"])]))
        else:
            found.append((kind, _words(match[kind])))
    return found


def _things(tokens: list[Token]) -> list[Wanted]:
    """What is named, each with the attributes that belong to it.

    An attribute belongs to the noun that follows at once ("red square", "astronaut cat"), else to
    the one before ("a cat, top hat"), else to the first. "The cat" after "a cat" is the same cat.
    """
    things: list[dict] = []
    coming, last = {}, {}
    for index, (kind, word) in enumerate(tokens):
        if kind == "noun":
            noun = NAMED[word]
            again = [t for t in things if t["noun"] == noun and tokens[index - 1][0] == "the"]
            last = again[0] if again else {"noun": noun}
            if not again:
                things.append(last)
            last |= coming
            coming = {}
        elif kind in ("count", "color", "worn"):
            ahead = kind == "count" or not things or _noun_follows(tokens[index + 1 :])
            (coming if ahead else last).setdefault(kind, COUNTS.get(word, word))
    return [
        Wanted(
            t["noun"],
            color=t.get("color") if t["noun"] in SHAPES else None,
            worn=t.get("worn"),
            count=t.get("count", 1),
        )
        for t in things
    ]


def _noun_follows(tokens: list[Token]) -> bool:
    """Whether the next word that is not another attribute is a noun."""
    for kind, _ in tokens:
        if kind not in ("color", "worn"):
            return kind == "noun"
    return False


def _relation(tokens: list[Token], first: Wanted, second: Wanted) -> str | None:
    """Where the first of two things is, seen from the second; None if that is not said."""

    def is_first(noun: str | None, before: int) -> bool:
        """Whether a noun is the first thing's; of two squares the one with no noun `before` it."""
        return before == 0 if first.noun == second.noun else noun == first.noun

    nouns = list(itertools.accumulate((kind == "noun" for kind, _ in tokens), initial=0))
    said = [index for index, (kind, _) in enumerate(tokens) if kind == "relation"]
    if said:
        # What follows a relation is what it looks from: "above a dog, a cat".
        seen_from = _noun_in(tokens[said[0] :])
        if len(said) > 1 or seen_from is None:
            return None
        relation = tokens[said[0]][1]
        relation = OPPOSITE[relation] if is_first(seen_from, nouns[said[0]]) else relation
        return relation if RELATIONS[relation] else None
    sides = [index for index, (kind, _) in enumerate(tokens) if kind == "side"]
    if not sides:
        return None
    index = sides[0]
    ahead, behind = _noun_in(tokens[index:]), _noun_in(tokens[:index][::-1])
    # "on the left a cat" and "a cat and on the left a dog", but "a cat on the left".
    leads = behind is None or (tokens[index - 1][0] in LINKS and tokens[-1][0] != "side")
    after = leads and ahead is not None
    owned = is_first(ahead if after else behind, nouns[index] - (not after))
    return "left of" if (tokens[index][1] == "left") == owned else "right of"


def _noun_in(tokens: list[Token]) -> str | None:
    return next((NAMED[word] for kind, word in tokens if kind == "noun"), None)


def faults(asked: Asked, seen: Scene) -> frozenset[str]:
    """What is wrong with a picture in which `seen` was read.

    noun, color, worn, count, relation, place: asked for and not there, a number above one being
    exact; extra: there and not asked for.
    """
    found = of_each(asked, seen)
    wrong = {name for lacking, _ in found for name in lacking}
    matches = [same for _, same in found]
    if asked.relation and not _related(asked, *matches[:2]):
        wrong.add("relation")
    if asked.place not in (None, seen.place):
        wrong.add("place")
    if len(seen.items) > sum(w.count for w in asked.items) or _unasked_worn(asked, seen):
        wrong.add("extra")
    return frozenset(wrong)


def of_each(asked: Asked, seen: Scene) -> list[tuple[set[str], list[Item]]]:
    """Of each thing asked for: its faults (noun, color, worn, count), and the things seen that may
    be it. What is seen is one thing asked for at most, and first what says most.
    """
    left, found = list(seen.items), {}
    order = sorted(range(len(asked.items)), key=lambda i: -_said(asked.items[i]))
    for place, i in enumerate(order):
        wanted, lacking = asked.items[i], set()
        same = left
        for name in ("noun", "color", "worn"):
            same = [item for item in same if getattr(wanted, name) in (None, getattr(item, name))]
            if not same:
                lacking.add(name)
                break
        # Others of this noun that come later take theirs of the same things.
        later = [asked.items[n] for n in order[place + 1 :] if asked.items[n].noun == wanted.noun]
        spare = len(same) - sum(other.count for other in later)
        if wanted.count > 1 and not spare <= wanted.count <= len(same):
            lacking.add("count")
        found[i] = lacking, same
        if later:
            left = [item for item in left if all(item is not one for one in same[: wanted.count])]
    return [found[i] for i in range(len(asked.items))]


def _said(wanted: Wanted) -> int:
    """How many attributes of it are said."""
    return sum(attribute is not None for attribute in (wanted.color, wanted.worn))


def _related(asked: Asked, firsts: list[Item], seconds: list[Item]) -> bool:
    """Whether some pair of the two things has the relation; if one is counted, whether all have."""
    pairs = [(a, b) for a in firsts for b in seconds]
    enough = all if max(wanted.count for wanted in asked.items) > 1 else any
    return bool(pairs) and enough(_stands(a, b, asked.relation) for a, b in pairs)


def _stands(first: Item, second: Item, relation: str) -> bool:
    """`first` is left of (…) `second` by more than a grid cell."""
    x, y = RELATIONS[relation]
    along = x * (second.center[0] - first.center[0]) + y * (second.center[1] - first.center[1])
    return along > GRID


def _unasked_worn(asked: Asked, seen: Scene) -> bool:
    worn = [wanted.worn for wanted in asked.items for _ in range(wanted.count) if wanted.worn]
    return sum(item.worn is not None for item in seen.items) > len(worn)
