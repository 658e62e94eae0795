"""A caption under construction, which remembers where it named what."""

from playground.world.scene import Caption, Span

CLOSING = (",", ".", ";", ":", "!", "?", ")")  # follow the word before without a space


class Text:
    """Says words one after another; those of a `kind` become spans of the caption."""

    def __init__(self):
        self.text, self.spans = "", []

    def say(self, words: str, kind: str = "", items: tuple[int, ...] = ()) -> None:
        """Add `words`, which name something if they have a `kind`."""
        if not words:
            return
        self.text += " " if self.text and not words.startswith(CLOSING) else ""
        if kind:
            self.spans.append(Span(len(self.text), len(self.text) + len(words), kind, items))
        self.text += words

    def say_named(self, phrase: str, name: str, kind: str, items: tuple[int, ...] = ()) -> None:
        """Say `phrase`, of which only the part `name` is a name."""
        before, _, after = phrase.partition(name)
        for words in filter(None, (before.strip(), name, after.strip())):
            self.say(words, *((kind, items) if words == name else ()))

    def caption(self) -> Caption:
        return Caption(self.text, tuple(self.spans))
