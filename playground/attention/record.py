"""Record which words every spatial position attends to, during the engine's own calls.

Attention gives every position of a layer's grid a softmax over its keys: A = softmax(q·kᵀ/√d)
(Vaswani et al. 2017, arXiv 1706.03762, eq. 1). Fused kernels never form A, so it is formed beside
them, from the very q and k that the layer hands to its kernel, and for the recorded rows alone. It
is summed at once into one map per column (mean over layers and heads), or kept as one byte a
number for every head by itself; nothing else is kept.
Only rows that someone asks to rewrite are answered from A; the others' outputs are not touched.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from playground.attention.calls import Call, attention_calls
from playground.attention.layouts import CROSS_ATTENTION, Layout, Size, UnreadableAttentionError
from playground.models.words import Word

FULL = 255  # codes of single heads are uint8


@dataclass(frozen=True)
class Watched:
    """A row of the batch to record, and where its tokens go: columns [tokens] of row numbers.

    `head_columns` [tokens], if given, asks for every head by itself, with columns of its own.
    """

    row: int
    columns: Tensor
    head_columns: Tensor | None = None


@dataclass(frozen=True)
class Heads:
    """Every head of the layers of one grid size.

    `codes` uint8 [layers·heads, columns, h, w] (see `to_codes`), layer by layer in the order of
    computation; `layers` names each of the layers.
    """

    layers: tuple[str, ...]
    codes: Tensor


@dataclass(frozen=True)
class Rewrite:
    """Probabilities to be replaced before they weigh the values, in cross-attention.

    `change` gets {row: [heads, positions, tokens]} of `rows` and returns those that differ.
    """

    rows: tuple[int, ...]
    change: Callable[[dict[int, Tensor]], dict[int, Tensor]]


def word_columns(columns: Tensor, words: Sequence[Word], content: int) -> Tensor:
    """Where each token position goes if tokens of one word share a column.

    `columns` [tokens] is a prompt's own: 0 the start token, `content` tokens, the end, padding.
    Here 0 is the start token, 1 … W the words, W + 1 what is between words (punctuation),
    W + 2 the end token, W + 3 padding.
    """
    between = len(words) + 1
    found = torch.full_like(columns, between)
    found[0] = 0
    found[columns == content + 1] = between + 1
    found[columns == content + 2] = between + 2
    for number, word in enumerate(words, 1):
        found[list(word.tokens)] = number
    return found


def to_codes(probabilities: Tensor) -> Tensor:
    """[0, 1] → uint8 round(255·√p): off by at most √p/255 + 1/510², so finest where p is small."""
    return (probabilities.clamp(0, 1).sqrt() * FULL).round().to(torch.uint8)


def from_codes(codes: Tensor) -> Tensor:
    """uint8 → float32 probabilities."""
    return (codes.float() / FULL) ** 2


@dataclass
class Recorder:
    """What was asked of network calls, and what was found: filled layer by layer, then read.

    `sums` are attention of each of `watched`, mean over heads, summed over layers and calls. The
    last axis is as long as the longest of the watched rows' columns.
    """

    watched: Sequence[Watched]
    rewrite: Rewrite | None = None
    sums: dict[Size, Tensor] = field(default_factory=dict)  # [watched, positions, columns]
    layers: dict[Size, list[str]] = field(default_factory=dict)
    # Layer by layer, by position in `watched`: [heads, columns, h, w].
    codes: dict[Size, dict[int, list[Tensor]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        asked = self.rewrite.rows if self.rewrite else ()
        self.rows = sorted({*asked, *(w.row for w in self.watched)})  # that are computed
        most = max((int(w.columns.max()) + 1 for w in self.watched), default=0)
        indicators = [_indicator(w.columns, most) for w in self.watched]
        self._indicators = torch.stack(indicators) if indicators else torch.zeros(0, 0, 0)
        # By row, who asks for every head of it: position in `watched`, and its indicator.
        self._closer: dict[int, list[tuple[int, Tensor]]] = {row: [] for row in self.rows}
        for i, w in enumerate(self.watched):
            if w.head_columns is not None:
                self._closer[w.row].append((i, _indicator(w.head_columns)))

    def __call__(self, call: Call, output: Tensor) -> Tensor:
        """Take in one layer's attention; returns its output, rewritten where that was asked."""
        with torch.no_grad():
            changed = self._take_joint(call) if call.joint else self._take_cross(call)
        return _answered(call, output, changed) if changed else output

    def _take_cross(self, call: Call) -> dict[int, Tensor]:
        """Returns the probabilities [heads, positions, tokens] of rows that were rewritten."""
        changed, found = {}, {}
        if self.rewrite:
            found = {row: call.scores(row).softmax(-1) for row in self.rewrite.rows}
            changed = self.rewrite.change(found)
            found |= changed
        # One after the other: a row's probabilities fit a core's cache.
        weights = (found[r] if r in found else call.scores(r).softmax(-1) for r in self.rows)
        self.take(call.grid, weights, call.name)
        return changed

    def _take_joint(self, call: Call) -> dict[int, Tensor]:
        if self.rewrite:
            raise UnreadableAttentionError(
                f"{call.name} attends to words and image together: it cannot be rewritten."
            )
        means = [
            call.by_column(w.row, indicator).mean(0)
            for w, indicator in zip(self.watched, self._indicators, strict=True)
        ]
        self._add(call.grid, torch.stack(means), [call.name])
        for row, closer in self._closer.items():
            for i, indicator in closer:
                self._add_codes(call.grid, i, call.by_column(row, indicator))
        return {}

    def take(self, grid: Size, weights: Iterable[Tensor], name: str) -> None:
        """Add one layer's probabilities [heads, positions, tokens] of each of `rows`."""
        means = []
        for row, each in zip(self.rows, weights, strict=True):
            means.append(each.mean(0))
            for i, indicator in self._closer[row]:
                self._add_codes(grid, i, each @ indicator.to(each.device))
        self.take_mean(grid, means, [name])

    def take_mean(self, grid: Size, means: Sequence[Tensor], names: Sequence[str]) -> None:
        """Add [positions, tokens] of each of `rows`: mean over heads, sum over layers `names`."""
        if self.watched:
            of_row = dict(zip(self.rows, means, strict=True))
            tokens = torch.stack([of_row[w.row] for w in self.watched])
            self._add(grid, tokens @ self._indicators.to(tokens.device), names)

    def _add(self, grid: Size, by_column: Tensor, names: Sequence[str]) -> None:
        sums = self.sums.setdefault(grid, by_column)
        if sums is not by_column:
            sums.add_(by_column)
        self.layers.setdefault(grid, []).extend(names)

    def _add_codes(self, grid: Size, i: int, by_column: Tensor) -> None:
        codes = to_codes(by_column).mT.unflatten(-1, grid).cpu()
        self.codes.setdefault(grid, {}).setdefault(i, []).append(codes)

    def maps(self) -> list[dict[Size, Tensor]]:
        """Per watched row, per grid size, the mean over layers and heads [columns, h, w].

        In cross-attention the columns sum to 1 at every position. In joint attention they sum to
        the share that goes to the text: the rest goes to the image.
        """
        return [
            {
                size: self._map(sums[i, :, : int(w.columns.max()) + 1], size)
                for size, sums in self.sums.items()
            }
            for i, w in enumerate(self.watched)
        ]

    def _map(self, sums: Tensor, size: Size) -> Tensor:
        return (sums / len(self.layers[size])).mT.unflatten(-1, size).cpu()

    def heads(self) -> list[dict[Size, Heads] | None]:
        """Per watched row, per grid size, every head by itself; None where it was not asked for."""
        return [
            None if w.head_columns is None
            else {
                size: Heads(tuple(self.layers[size]), torch.cat(codes[i]))
                for size, codes in self.codes.items()
            }
            for i, w in enumerate(self.watched)
        ]  # fmt: skip


def _indicator(columns: Tensor, count: int = -1) -> Tensor:
    """[tokens, columns]: 1 where a token goes."""
    return F.one_hot(columns, count).float()


def _answered(call: Call, output: Tensor, changed: dict[int, Tensor]) -> Tensor:
    """What attention answers if these rows have other probabilities [heads, queries, keys]."""
    answers = [weights.to(output.dtype) @ call.value[row] for row, weights in changed.items()]
    rows = torch.tensor(list(changed), device=output.device)
    return output.index_copy(0, rows, torch.stack(answers))


@contextmanager
def record(
    network: nn.Module,
    watched: Sequence[Watched],
    rewrite: Rewrite | None = None,
    layout: Layout = CROSS_ATTENTION,
) -> Iterator[Recorder]:
    """Record the attention of `watched` rows to words in every call of `network` in the scope.

    `rewrite` replaces probabilities first: the network then answers from those, and those are
    what is recorded. Nothing of the network is replaced, see `attention_calls`, which also says
    what raises UnreadableAttentionError. If nothing is watched, nothing is touched.
    """
    recorder = Recorder(list(watched), rewrite)
    if not recorder.rows:
        yield recorder
        return
    with attention_calls(network, layout, recorder):
        yield recorder
