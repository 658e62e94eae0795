"""From text to streams of tokens and words, by a tokenizer's own character offsets."""

from collections.abc import Sequence
from dataclasses import replace

from playground.models import words
from playground.models.prompt import CONTENT, END, PADDING, START, Stream
from playground.models.words import Word


def stream_of(tokenizer, text: str, name: str, length: int | None = None) -> Stream:
    """What the text encoder called `name` reads: `length` tokens, cut or padded.

    Roles come from the tokenizer's masks, never from positions: CLIP has a start and an end token
    and pads with the end token, T5 has an end token alone.
    """
    length = length or tokenizer.model_max_length
    padded = tokenizer(
        text, padding="max_length", truncation=True, max_length=length,
        return_special_tokens_mask=True,
    )  # fmt: skip
    ids = tuple(padded["input_ids"])
    marks = zip(ids, padded["attention_mask"], padded["special_tokens_mask"], strict=True)
    roles = tuple(
        PADDING if not attended
        else CONTENT if not special
        else START if token == tokenizer.bos_token_id
        else END
        for token, attended, special in marks
    )  # fmt: skip
    kept = [token for token, role in zip(ids, roles, strict=True) if role != PADDING]
    return Stream(name, ids, tuple(tokenizer.convert_ids_to_tokens(kept)), roles)


def inside(
    tokenizer, text: str, name: str, length: int, before: str = "", after: str = "", drop: int = 0
) -> tuple[Stream, tuple[Word, ...], tuple[str, ...]]:
    """What a language model reads of a prompt that stands inside a template: stream, words, cut.

    The network sees at most `length` tokens after the first `drop`, none of them padding. Tokens of
    the template before the prompt have the role "start", those after it "end".
    """
    whole = tokenizer(before + text + after, return_offsets_mapping=True)
    # Characters of the prompt; a token may begin with the space before its word.
    offsets = [(a - len(before), b - len(before)) for a, b in whole["offset_mapping"]][drop:]
    ids = tuple(whole["input_ids"][drop:])
    roles = tuple(
        CONTENT if a < b and b > 0 and a < len(text) else START if b <= 0 else END
        for a, b in offsets
    )
    names = tuple(tokenizer.convert_ids_to_tokens(list(ids[:length])))
    stream = Stream(name, ids[:length], names, roles[:length])
    every = words.align(text, offsets)
    kept = tuple(word for word in every if word.tokens and _holds(stream, word.tokens))
    return stream, kept, tuple(word.text for word in every if word not in kept)


def words_of(tokenizer, text: str, stream: Stream) -> tuple[tuple[Word, ...], tuple[str, ...]]:
    """The words that `stream` holds in full, and the texts of those that were cut off."""
    whole = tokenizer(text, return_offsets_mapping=True)
    ids, offsets = whole["input_ids"], whole["offset_mapping"]
    unknown = frozenset(
        i for i, t in enumerate(ids) if t == tokenizer.unk_token_id and t is not None
    )
    every = words.align(text, offsets, unknown)
    kept = tuple(word for word in every if word.tokens and _holds(stream, word.tokens))
    return kept, tuple(word.text for word in every if word not in kept)


def lowered(text: str) -> str:
    """As pipelines of PixArt and Sana read a prompt."""
    return text.lower().strip()


def in_original(text: str, found: Sequence[Word]) -> tuple[tuple[Word, ...], tuple[str, ...]]:
    """Words of `lowered(text)` as words of `text`, and the texts of those that are not found."""
    # Some characters have two in lower case.
    origin = [i for i, character in enumerate(text) for _ in character.lower()]
    first = len(text.lower()) - len(text.lower().lstrip())
    spans = [(origin[first + w.start], origin[first + w.end - 1] + 1) for w in found]
    kept = tuple(
        replace(word, text=text[a:b], start=a, end=b)
        for word, (a, b) in zip(found, spans, strict=True)
    )
    return kept, tuple(text[a:b] for a, b in words.split(text) if (a, b) not in spans)


def _holds(stream: Stream, tokens: Sequence[int]) -> bool:
    return all(i < len(stream.ids) and stream.roles[i] == CONTENT for i in tokens)


def joined(parts: Sequence[tuple[Word, ...]], streams: Sequence[Stream]) -> tuple[Word, ...]:
    """Words of the whole sequence, of each stream's words of one text: their tokens together.

    A word that one stream has cut off keeps the tokens that the others have.
    """
    found: dict[tuple[int, int], Word] = {}
    token = column = 0
    for mine, stream in zip(parts, streams, strict=True):
        for word in mine:
            moved = replace(
                word,
                tokens=tuple(token + i for i in word.tokens),
                columns=tuple(column + stream.columns[i] for i in word.tokens),
            )
            before = found.get((word.start, word.end))
            found[word.start, word.end] = moved if before is None else replace(
                before,
                tokens=before.tokens + moved.tokens,
                columns=before.columns + moved.columns,
                known=before.known or moved.known,
            )  # fmt: skip
        token += len(stream.ids)
        column += stream.columns[-1] + 1
    return tuple(found[span] for span in sorted(found))
