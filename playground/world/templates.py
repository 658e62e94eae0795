"""Phrasings that training never produces: what the task `phrasing` asks with.

The scenes are those of other tasks, so that both wordings can be scored on the same questions.
"""

from dataclasses import dataclass

from playground.world.said import Said, Thing, parse
from playground.world.scene import Caption
from playground.world.vocabulary import COSTUME, PLACES, WEARABLE, with_article


@dataclass(frozen=True)
class Template:
    """`text` for the prompts of `task`, with fields that `fill` replaces.

    {thing} "a red star", {noun} "star", {other} the second of two, {worn} "a top hat",
    {at} "on the grass", {place} "grass".
    """

    task: str  # of playground.measuring.questions.TASKS
    text: str

    def fits(self, caption: Caption) -> bool:
        """Whether the caption says all that the fields need."""
        said = parse(caption)
        things = said.things
        needs = {
            "{noun}": bool(things), "{thing}": bool(things), "{other}": len(things) == 2,
            "{worn}": bool(things) and bool(things[0].worn), "{place}": bool(said.place),
            "{at}": bool(said.place),
        }  # fmt: skip
        return all(there for field, there in needs.items() if field in self.text)

    def fill(self, caption: Caption) -> str:
        """The prompt that asks for what the caption asks for, sizes apart.

        Raises ValueError if the caption lacks what a field needs.
        """
        if not self.fits(caption):
            raise ValueError(f"{caption.text!r} lacks what {self.text!r} asks for.")
        return self.text.format(**_fields(parse(caption)))


def _fields(said: Said) -> dict[str, str]:
    first, *others = said.things or (Thing(()),)
    place = PLACES.get(said.place)
    return {
        "noun": first.noun,
        "thing": _named(first),
        "other": _named(others[0]) if others else "",
        "worn": _worn(first.worn) if first.worn else "",
        "place": said.place,
        "at": place.phrases[0] if place else "",
    }


def _named(thing: Thing) -> str:
    return with_article(f"{thing.color} {thing.noun}".strip()) if thing.noun else ""


def _worn(name: str) -> str:
    return f"{with_article(name)} suit" if name == COSTUME else WEARABLE[name].phrase


HELD_OUT_TEMPLATES = (
    Template("single noun", "could you make {thing} for me"),
    Template("single noun", "{noun}, nothing else"),
    Template("single noun", "my favourite is {thing}. paint it!"),
    Template("single noun", "Today's subject: {noun}"),
    Template("two nouns", "{thing} meets {other}"),
    Template("two nouns", "both {thing} and {other} appear here"),
    Template("two nouns", "we can find {thing} as well as {other}"),
    Template("two nouns", "{thing} (and also, nearby, {other})"),
    Template("worn", "{thing} whose outfit is {worn}"),
    Template("worn", "look at the {noun} – {worn}!"),
    Template("worn", "portrait of {thing} that just got {worn}"),
    Template("worn", "{thing}, who is proud of {worn}, smiles"),
    Template("place", "{place} scene with {thing}"),
    Template("place", "{thing}, photographed {at}"),
    Template("place", "imagine {thing} somewhere {at}"),
    Template("place", "{at} lives {thing}"),
)
