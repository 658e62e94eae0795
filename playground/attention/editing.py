"""Prompt editing through attention: Prompt-to-Prompt, Hertz et al. 2022, arXiv 2208.01626.

Two pictures are drawn from the same noise in the same batch. During a share of the steps the
edited one attends as the source does: its cross-attention probabilities M* are replaced by the
source's M, token by token (sec. 3.2), and may be weighted.

- swap: M* ← M (another word at the same position of the prompt: the layout stays, the content
  changes);
- refine: M*_j ← M_A(j) for the tokens j that the source has too, new tokens keep their own;
- re-weight: M*_j ← c_j·M_j. Weighted probabilities need not sum to 1; that is the effect.

All three are one operation: an alignment A of tokens and a weight c per token. Weights that stand
in a prompt itself, "(a top hat:1.3)", are the third one without a second picture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

import torch
from torch import Tensor
from torch.nn.functional import pad

from playground.attention.record import Rewrite
from playground.models.prompt import CONTENT, Prompt, Stream
from playground.models.words import Word, split
from playground.weighting import STRONGEST

NEW = -1  # in an alignment: the source has no such token


class EditError(ValueError):
    """What is wrong with an edit and what would be possible, in one sentence."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What happens to the edited row's probabilities.

    `source_of` [tokens] is A: the source's token of each edited token, or NEW. `weights`
    [tokens] is c. `share` is the part of the steps, from the first, that reads the source.
    """

    source_of: Tensor
    weights: Tensor
    share: float

    def injects(self, index: int, count: int) -> bool:
        """Whether call `index` of `count` reads the source; the middle of a call decides."""
        return (index + 0.5) / count < self.share

    def change(self, source: Tensor, own: Tensor, inject: bool) -> Tensor:
        """New probabilities [heads, positions, tokens] from the source's and the row's own.

        Plans are made on the processor; attention may be elsewhere.
        """
        if inject:
            source_of = self.source_of.to(own.device)
            own = torch.where(source_of != NEW, source[..., source_of.clamp(min=0)], own)
        return own * self.weights.to(own.device)


def rewriting(cells: Sequence, row_of: Mapping, branch: str) -> Rewrite | None:
    """How attention is rewritten in a call: of the edited ones among `cells` in that branch, and of
    prompts with weights in each branch. None if there are none.

    `row_of[i, branch]` is the row of the batch that answers the i-th cell.
    """
    edits, weights = {}, {}
    for i, cell in enumerate(cells):
        for each in cell.branches:
            said = cell.prompts[each].weights
            if said is not None:
                weights[row_of[i, each]] = said
        if cell.plan and branch in cell.branches:
            if cell.source not in cells:
                raise RuntimeError("The picture that this edit starts from failed.")
            source = row_of[cells.index(cell.source), branch]
            edits[row_of[i, branch]] = source, cell.plan, cell.plan.injects(cell.call, cell.count)
    if not edits and not weights:
        return None

    def change(found: dict[int, Tensor]) -> dict[int, Tensor]:
        new = {
            own: p.change(found[src], found[own], inject) for own, (src, p, inject) in edits.items()
        }
        for row, by in weights.items():
            own = new.get(row, found[row])
            by = pad(by, (0, own.shape[-1] - len(by)), value=1.0)
            new[row] = own * by.to(own.device)
        return new

    rows = {*edits, *weights, *(source for source, *_ in edits.values())}
    return Rewrite(tuple(sorted(rows)), change)


# ---- from words to a plan ---------------------------------------------------------------------


def find(words: Sequence[Word], text: str, which: int | None = None) -> Word:
    """The word of a prompt with that text; of several, the one at position `which` from 0."""
    same = [word for word in words if word.text == text]
    if not same:
        raise EditError(f"“{text}” is not in the prompt. Its words are: {_listed(words)}.")
    if which is None and len(same) > 1:
        raise EditError(f"“{text}” is in the prompt {len(same)} times: say which one.")
    if which is not None and not 0 <= which < len(same):
        raise EditError(f"“{text}” is in the prompt {len(same)} times, not {which + 1}.")
    return same[which or 0]


def swapped(prompt: Prompt, text: str, by: str, which: int | None = None) -> str:
    """The prompt with one of its words replaced by another."""
    word = find(prompt.words, text, which)
    if not split(by):
        raise EditError("Say which word takes its place.")
    return prompt.text[: word.start] + by.strip() + prompt.text[word.end :]


def swap(source: Prompt, edited: Prompt, share: float) -> Plan:
    """Every token of the edited prompt takes the attention of the source's token there."""
    if edited.content != source.content:
        raise EditError(
            f"A swap keeps the number of tokens: these words make {edited.content}, "
            f"the prompt has {source.content}. Choose words of the same length, or refine instead."
        )
    if edited.ids == source.ids:
        raise EditError("The words are the same: swap one for another.")
    return _plan(torch.arange(len(source.ids)), share)


def refine(source: Prompt, edited: Prompt, share: float) -> Plan:
    """Tokens that the source has too take its attention; added ones keep their own."""
    aligned, first = [], 0
    for here, there in zip(source.streams, edited.streams, strict=True):
        found = _aligned(here, there)
        if found is None:
            raise EditError(
                f"Refining keeps all the words in their order and adds some; they are: "
                f"{_listed(source.words)}."
            )
        aligned += [NEW if at == NEW else first + at for at in found]
        first += len(here.ids)
    return _plan(torch.tensor(aligned), share)


def _aligned(here: Stream, there: Stream) -> list[int] | None:
    """The source's token of each edited token of a stream, or NEW; None if words were lost or none
    was added. Special tokens belong together, and padding that stands at the same distance from
    the last token that is none.
    """
    inside, outside = _content(here), _content(there)
    kept = [here.ids[i] for i in inside], [there.ids[i] for i in outside]
    blocks = SequenceMatcher(None, *kept, autojunk=False).get_matching_blocks()
    if sum(b.size for b in blocks) < len(inside) or len(outside) <= len(inside):
        return None
    found = [NEW] * len(there.ids)
    for a, b, size in blocks:
        for i in range(size):
            found[outside[b + i]] = inside[a + i]
    before = outside[0]  # special tokens in front: as many in both
    found[:before] = range(before)
    after, of_source = outside[-1] + 1, (inside[-1] + 1 if inside else before)
    for i in range(after, len(there.ids)):
        found[i] = i - after + of_source
    return found


def _content(stream: Stream) -> list[int]:
    return [i for i, role in enumerate(stream.roles) if role == CONTENT]


def reweight(prompt: Prompt, weights: Mapping[int, float], share: float) -> Plan:
    """`weights` by the word's position in `prompt.words`; all others keep weight 1."""
    per_token = torch.ones(len(prompt.ids))
    for number, weight in weights.items():
        if number not in range(len(prompt.words)):
            raise EditError(
                f"There is no word number {number}. The words are: {_listed(prompt.words)}."
            )
        word = prompt.words[number]
        per_token[list(word.tokens)] = _number(weight, f"The weight of “{word.text}”", -STRONGEST)
    if (per_token == 1).all():
        raise EditError("Every weight is 1: give at least one word another.")
    return replace(_plan(torch.arange(len(prompt.ids)), share), weights=per_token)


def _plan(source_of: Tensor, share: float) -> Plan:
    share = _number(share, "The share of the steps", 0.0, 1.0)
    return Plan(source_of, torch.ones(len(source_of)), share)


def _number(value, name: str, low: float, high: float = STRONGEST) -> float:
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    if not (numeric and low <= value <= high):  # NaN is in no interval
        raise EditError(f"{name} must be a number from {low:g} to {high:g}.")
    return float(value)


def _listed(words: Sequence[Word]) -> str:
    return ", ".join(word.text for word in words) or "none"
