"""A prompt as a network reads it: streams of tokens, their words, and what a row needs besides.

A stream is what one text encoder makes of the prompt. The tokens of all streams that the network
attends to form one sequence; a token map has a row (here: column of the softmax) for every content
token, one for each special token, and one for all padding of a stream.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

from playground.models.words import Word
from playground.weighting import Weighted

START, CONTENT, END, PADDING = "start", "content", "end", "padding"  # roles of a column


@dataclass(frozen=True)
class Stream:
    """One text encoder's tokens, in the order in which the network sees them.

    `roles` [tokens] says of each token what it is; `names` are the tokens that are not padding.
    """

    name: str  # of the text encoder: "CLIP", "T5"
    ids: tuple[int, ...]
    names: tuple[str, ...]
    roles: tuple[str, ...]

    @property
    def columns(self) -> tuple[int, ...]:
        """By token, its column within the stream: all padding shares the last one."""
        padding = len(self.ids) - self.roles.count(PADDING)
        return tuple(min(i, padding) for i in range(len(self.ids)))


@dataclass(frozen=True, eq=False)
class Prompt:
    """Words as the network reads them.

    `text` is the prompt as typed, with weights in brackets; words say where in it they stand.
    `embeds` [1, tokens, width] in float32; `pooled` [1, width] where a network wants one vector for
    the whole prompt; `projections` are text keys and values by layer, computed once.
    """

    text: str
    streams: tuple[Stream, ...]
    words: tuple[Word, ...]
    embeds: Tensor
    pooled: Tensor | None = None
    cut: tuple[str, ...] = ()  # words beyond the tokenizer's length
    weights: Tensor | None = None  # [tokens] that multiply the attention to them; None: all 1
    projections: dict[str, Tensor] = field(default_factory=dict)

    @property
    def ids(self) -> tuple[int, ...]:
        return tuple(i for stream in self.streams for i in stream.ids)

    @property
    def names(self) -> tuple[str, ...]:
        """Tokens that are not padding, as text."""
        return tuple(name for stream in self.streams for name in stream.names)

    @cached_property
    def roles(self) -> tuple[str, ...]:
        """[columns]: what each row of a token map is."""
        return tuple(
            role
            for stream in self.streams
            for role in dict(zip(stream.columns, stream.roles, strict=True)).values()
        )

    @cached_property
    def columns(self) -> Tensor:
        """[tokens]: the row of a token map that each token position goes to."""
        found, first = [], 0
        for stream in self.streams:
            found += [first + column for column in stream.columns]
            first = found[-1] + 1
        return torch.tensor(found)

    @property
    def content(self) -> int:
        """Number of content tokens."""
        return sum(stream.roles.count(CONTENT) for stream in self.streams)

    @property
    def nbytes(self) -> int:
        """Of its tensors."""
        kept = [self.embeds, *self.projections.values()]
        return sum(t.nbytes for t in (*kept, *([] if self.pooled is None else [self.pooled])))


def as_typed(prompt: Prompt, said: Weighted) -> Prompt:
    """A prompt that was read without its weights, as one of the text that has them."""
    weights = torch.ones(len(prompt.ids))
    words = []
    for word in prompt.words:
        letters = range(word.start, word.end)
        weights[list(word.tokens)] = next(
            (said.weights[i] for i in letters if said.weights[i] != 1), 1.0
        )
        start, end = said.places[word.start], said.places[word.end - 1] + 1
        words.append(replace(word, start=start, end=end))
    return replace(
        prompt, text=said.typed, words=tuple(words), weights=None if said.plain else weights
    )


def word_columns(prompt: Prompt) -> Tensor:
    """[tokens]: where each token goes if tokens of one word share a column.

    0 start tokens, 1 … W the words, W + 1 what is between words (punctuation), W + 2 end tokens,
    W + 3 padding.
    """
    between = len(prompt.words) + 1
    of_role = {START: 0, CONTENT: between, END: between + 1, PADDING: between + 2}
    found = [of_role[role] for stream in prompt.streams for role in stream.roles]
    for number, word in enumerate(prompt.words, 1):
        for token in word.tokens:
            found[token] = number
    return torch.tensor(found)


@dataclass(frozen=True, eq=False)
class Condition:
    """The inputs of one row of a network call besides its latents and its level.

    `guidance` is w where the network takes it as an input, else None; `size` is the picture's
    (height, width) in pixels, which some networks take too.
    """

    prompt: Prompt
    guidance: float | None = None
    size: tuple[int, int] | None = None


def embeds_of(conditions: Sequence[Condition]) -> Tensor:
    """Prompt embeds [rows, tokens, width] of a call."""
    return torch.cat([condition.prompt.embeds for condition in conditions])
