"""Say a caption of the grammar as people type: other words, order, punctuation and capitals.

What is said stays the same, and spans still mark what names what. The tokenizer has one token for
all words that it does not know, so the tables below need a few of each kind, not all there are.
"""

from dataclasses import replace

from playground.world.asked import OPPOSITE
from playground.world.grammar import Rng, pick
from playground.world.said import Said, Thing, parse
from playground.world.scene import Caption
from playground.world.text import Text
from playground.world.vocabulary import COSTUME, WEARABLE, with_article

UNKNOWN = 0.1  # share of captions with words between the others that mean nothing here

ADJECTIVES = ("cute", "shiny", "happy", "fluffy", "beautiful", "old", "funny", "smiling", "lonely")
NONSENSE = ("really", "zebra", "very", "chair", "running", "quickly", "wooden", "seven", "why")
QUALITY = (
    "masterpiece", "best quality", "4k", "8k", "highly detailed", "digital art", "hd", "emoji",
    "sharp focus", "cartoon style", "trending", "simple",
)  # fmt: skip
LEADS = (
    "there is", "this is", "here is", "a picture of", "a photo of", "an image of", "a drawing of",
    "i see", "please draw", "show me", "i want",
)  # fmt: skip
WEARING = (
    "wearing", "with", "in", "that is wearing", "who wears", "that has", ", wearing", ", with",
    "which wears", "and it is wearing", "has",
)  # fmt: skip
AS_COSTUME = (
    "", "", "dressed as an", ", an", "as an", "that is an", "is an", ", dressed as an", ",",
)  # fmt: skip
AND = ("and", "and", ",", "with", "and also", "together with", "and there is", ". there is also",
       "plus", ". also")  # fmt: skip
BESIDE = ("{}", "{}", "is {}", ", {}", "that is {}", "standing {}")
BEING = ("", "", "", ",", "that is", "is", "sitting", "that is sitting", "standing", "is placed",
         ", shown")  # fmt: skip
PREPOSITIONS = {
    "night sky": ("in", "under", "against"),
    "sunset": ("at", "in"),
    "beach": ("at", "on"),
    "grass": ("on", "in"),
    "snow": ("in", "on"),
}
BACKGROUND = "background"
ON_COLOR = ("on", "with", "against", "on", "in front of")


def rephrase(caption: Caption, rng: Rng) -> Caption:
    """The same content, said freely."""
    said, text = parse(caption), Text()
    quality = _tags(rng) if rng.random() < 0.15 else ()
    if quality and rng.random() < 0.5:
        text.say(", ".join(quality) + ",")
        quality = ()
    style = pick(rng, (_phrase, _phrase, _sentences, _list))
    style(text, said, rng)
    if quality:
        text.say(", " + ", ".join(quality))
    if rng.random() < 0.25:
        text.say(pick(rng, (".", ".", ".", "!")))
    found = text.caption()
    if rng.random() < UNKNOWN:
        for _ in range(int(rng.integers(1, 4))):
            found = _interrupt(found, pick(rng, NONSENSE), rng)
    return _capitals(found, rng)


def _tags(rng: Rng) -> tuple[str, ...]:
    return tuple(QUALITY[i] for i in rng.permutation(len(QUALITY))[: rng.integers(1, 4)])


def _interrupt(caption: Caption, word: str, rng: Rng) -> Caption:
    """With `word` put before a noun or its adjectives, at the start or at the end."""
    before = [s.start for s in caption.spans if s.kind in ("noun", "color", "size")]
    at = pick(rng, [0, len(caption.text), *before])
    if at == len(caption.text):
        return replace(caption, text=f"{caption.text} {word}")
    moved = len(word) + 1
    spans = [
        replace(s, start=s.start + moved, end=s.end + moved) if s.start >= at else s
        for s in caption.spans
    ]
    return Caption(f"{caption.text[:at]}{word} {caption.text[at:]}", tuple(spans))


def _capitals(caption: Caption, rng: Rng) -> Caption:
    """Capitals have no place in the vocabulary and no influence; people type them."""
    text, roll = caption.text, rng.random()
    if roll < 0.2:
        text = text[:1].upper() + text[1:]
    elif roll < 0.25:
        text = text.upper()
    elif roll < 0.3:
        text = text.title()
    return replace(caption, text=text)


# The three styles.


def _phrase(text: Text, said: Said, rng: Rng) -> None:
    """One phrase or sentence: "on the grass, there is the shiny cat next to a dog"."""
    place_first = bool(said.place) and rng.random() < 0.3
    if place_first:
        plain = said.place.endswith(BACKGROUND) and rng.random() < 0.15
        (_say_background if plain else _say_place)(text, said.place, rng)
        text.say(pick(rng, (",", ",", ".", ":", "")))
    _say_things(text, said, rng, lead=pick(rng, LEADS) if rng.random() < 0.4 else "")
    if said.place and not place_first:
        if said.place.endswith(BACKGROUND) and rng.random() < 0.15:
            text.say(pick(rng, (",", ".", "and")))
            _say_background(text, said.place, rng)
        else:
            text.say(pick(rng, BEING) if said.things else "")
            _say_place(text, said.place, rng)


def _sentences(text: Text, said: Said, rng: Rng) -> None:
    """Several sentences: "There is a cat. It is wearing a crown. The background is blue."."""
    things = said.things
    lead = pick(rng, ("there is", "there is", "this is", "i see", ""))
    alone = len(things) == 1
    later = alone and bool(things[0].worn) and rng.random() < 0.7
    first = replace(said, things=(replace(things[0], worn=""),)) if later else said
    _say_things(text, first, rng, lead)
    if later:
        text.say(pick(rng, (". it", ", it", ". the " + things[0].noun)))
        worn = things[0].worn
        text.say("is an" if worn == COSTUME else pick(rng, ("is wearing", "wears", "has")))
        _say_worn_name(text, worn, things[0].items, rng)
    if said.place.endswith(BACKGROUND) and rng.random() < 0.3:
        text.say(pick(rng, (".", ".", ",")) if things else "")
        _say_background(text, said.place, rng)
    elif said.place:
        text.say(pick(rng, (".", ". it is", ", it is", ". everything is")) if things else "")
        _say_place(text, said.place, rng)


def _list(text: Text, said: Said, rng: Rng) -> None:
    """Tags with commas: "night sky, rocket"."""
    stop = pick(rng, (",", ",", ",", "."))
    place_first = bool(said.place) and rng.random() < 0.5
    if place_first:
        text.say(said.place, "place")
        text.say(stop if said.things else "")
    for position, thing in enumerate(said.things):
        if position:
            text.say(said.relation or stop)
        for word, kind in _adjectives(thing, rng):
            text.say(word, kind, thing.items if kind else ())
        text.say(thing.noun, "noun", thing.items)
        if thing.worn:
            text.say(pick(rng, (",", ",", "with", "wearing")) if thing.worn != COSTUME else "")
            text.say(thing.worn, "worn", thing.items)
    if said.place and not place_first:
        text.say(stop if said.things else "")
        text.say(said.place, "place")


# Their parts.


def _say_things(text: Text, said: Said, rng: Rng, lead: str) -> None:
    """The things with what is between them; `lead` begins where it fits."""
    if said.relation in ("left of", "right of") and rng.random() < 0.25:
        return _say_sides(text, said, rng)
    if said.relation:
        return _say_related(text, said, rng, lead)
    text.say(lead)
    for position, thing in enumerate(said.things):
        if position:
            last = position == len(said.things) - 1
            text.say(pick(rng, AND) if last else pick(rng, (",", ",", "and", "with")))
        _say_thing(text, thing, rng)
    return None


def _say_related(text: Text, said: Said, rng: Rng, lead: str) -> None:
    """ "a cat is above a dog", "a dog below a cat", "above a dog is a cat"."""
    (first, second), relation = said.things, said.relation
    if rng.random() < 0.3:
        first, second, relation = second, first, OPPOSITE[relation]
    phrases = [relation]
    if relation in ("left of", "right of"):
        phrases += [f"to the {relation}", f"on the {relation}"]
    phrase = pick(rng, phrases)
    if rng.random() < 0.12:
        text.say(phrase)
        _say_thing(text, second, rng)
        text.say(pick(rng, (",", "is", "there is", ", there is")))
        return _say_thing(text, first, rng)
    text.say(lead)
    _say_thing(text, first, rng)
    text.say(pick(rng, BESIDE).format(phrase))
    return _say_thing(text, second, rng)


def _say_sides(text: Text, said: Said, rng: Rng) -> None:
    """ "a cat on the left and a dog on the right", "on the left a cat, on the right a dog"."""
    sides = ("left", "right") if said.relation == "left of" else ("right", "left")
    before = rng.random() < 0.4
    both = before or rng.random() < 0.7
    for position, (thing, side) in enumerate(zip(said.things, sides, strict=True)):
        if position:
            text.say(pick(rng, (",", "and", ".")))
        if before:
            text.say(f"on the {side}" + pick(rng, ("", "", ",", " is")))
        _say_thing(text, thing, rng)
        if not before and (both or position):
            text.say(f"on the {side}")


def _say_thing(text: Text, thing: Thing, rng: Rng) -> None:
    words = _adjectives(thing, rng)
    prefixed = thing.worn == COSTUME and rng.random() < 0.2
    if prefixed:
        words.append((COSTUME, "worn"))
    trailing = bool(thing.color) and not thing.worn and rng.random() < 0.1
    if trailing:
        words = [(word, kind) for word, kind in words if kind != "color"]
    words.append((thing.noun, "noun"))
    roll = rng.random()
    if roll < 0.15:
        text.say("the")
    elif roll < 0.8 and not thing.count:
        text.say(with_article(words[0][0]).split()[0])
    for word, kind in words:
        text.say(word, kind, thing.items if kind else ())
    if trailing:
        text.say(pick(rng, ("that is", "which is", ",", "in")))
        text.say(thing.color, "color", thing.items)
    if thing.worn and not prefixed:
        text.say(pick(rng, AS_COSTUME if thing.worn == COSTUME else WEARING))
        _say_worn_name(text, thing.worn, thing.items, rng)


def _adjectives(thing: Thing, rng: Rng) -> list[tuple[str, str]]:
    """What comes before the noun: (word, kind), known and unknown ones in any order."""
    count = {"two": "2", "three": "3"}.get(thing.count) if rng.random() < 0.4 else thing.count
    words = [(w, k) for w, k in ((thing.size, "size"), (thing.color, "color")) if w]
    if rng.random() < 0.2:
        words.append((pick(rng, ADJECTIVES), ""))
    shuffled = [words[i] for i in rng.permutation(len(words))]
    return [(count, "count"), *shuffled] if count else shuffled


def _say_worn_name(text: Text, name: str, items: tuple[int, ...], rng: Rng) -> None:
    phrase = name if name == COSTUME or rng.random() < 0.15 else WEARABLE[name].phrase
    text.say_named(phrase, name, "worn", items)


def _say_place(text: Text, name: str, rng: Rng) -> None:
    if name.endswith(BACKGROUND):
        text.say(pick(rng, ON_COLOR))
        text.say(pick(rng, (with_article(name).split()[0], "the", "")))
    else:
        text.say(pick(rng, PREPOSITIONS[name]))
        text.say(pick(rng, ("the", "the", "a", "")))
    text.say(name, "place")


def _say_background(text: Text, name: str, rng: Rng) -> None:
    """ "the background is blue"."""
    text.say(pick(rng, ("the", "the", "a")))
    text.say("background", "place")
    text.say(pick(rng, ("is", "is", "")))
    text.say(name.removesuffix(BACKGROUND).strip(), "place")
