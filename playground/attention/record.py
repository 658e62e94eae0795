"""Record which words every spatial position attends to, during the engine's own calls.

Attention gives every position of a layer's grid a softmax over its keys: A = softmax(q·kᵀ/√d)
(Vaswani et al. 2017, arXiv 1706.03762, eq. 1). Fused kernels never form A, so it is formed beside
them, from the very q and k that the layer hands to its kernel, and for the recorded rows alone. It
is summed at once into one map per column (mean over layers and heads), or kept as one byte a
number for every head by itself; nothing else is kept.
Only rows that someone asks to rewrite are answered from A; the others' outputs are not touched.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from playground.attention.calls import Call, attention_calls
from playground.attention.layouts import Layout, Size, UnreadableAttentionError, layout_of

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


def to_codes(probabilities: Tensor) -> Tensor:
    """[0, 1] → uint8 round(255·√p): off by at most √p/255 + 1/510², so finest where p is small."""
    return (probabilities.clamp(0, 1).sqrt() * FULL).round().to(torch.uint8)


def from_codes(codes: Tensor) -> Tensor:
    """uint8 → float32 probabilities."""
    return (codes.float() / FULL) ** 2


@dataclass
class Recorder:
    """What was asked of network calls, and what was found: filled layer by layer, then read.

    `calls` are the rows of each network call in turn, where the rows of one question are computed
    in several (those with longer texts apart, say); by default every call has all rows.
    `sums` are attention of each of `watched`, mean over heads, summed over layers and calls. The
    last axis is as long as the longest of the watched rows' columns.
    """

    watched: Sequence[Watched]
    rewrite: Rewrite | None = None
    calls: Sequence[Sequence[int]] = ()
    sums: dict[Size, Tensor] = field(default_factory=dict)  # [watched, positions, columns]
    layers: dict[Size, list[str]] = field(default_factory=dict)
    # Layer by layer, by position in `watched`: [heads, columns, h, w].
    codes: dict[Size, dict[int, list[Tensor]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        asked = self.rewrite.rows if self.rewrite else ()
        self.rows = sorted({*asked, *(w.row for w in self.watched)})  # that are computed
        if self.calls and (lost := set(self.rows).difference(*self.calls)):
            raise ValueError(f"No network call has row {min(lost)}.")
        most = max((int(w.columns.max()) + 1 for w in self.watched), default=0)
        self._indicators = [_indicator(w.columns, most) for w in self.watched]
        # By row, who asks for every head of it: position in `watched`, and its indicator.
        self._closer: dict[int, list[tuple[int, Tensor]]] = {row: [] for row in self.rows}
        for i, w in enumerate(self.watched):
            if w.head_columns is not None:
                self._closer[w.row].append((i, _indicator(w.head_columns)))

    def __call__(self, call: Call, output: Tensor) -> Tensor:
        """Take in one layer's attention; returns its output, rewritten where that was asked."""
        turn = call.number % max(1, len(self.calls))
        here = self.calls[turn] if self.calls else self.rows
        at = {row: here.index(row) if self.calls else row for row in self.rows if row in here}
        names = [] if turn else [call.name]  # the same layers again for other rows
        with torch.no_grad():
            if call.joint:
                self._take_joint(call, at, names)
                return output
            changed = self._take_cross(call, at, names)
        return _answered(call, output, {at[row]: each for row, each in changed.items()})

    def _take_cross(
        self, call: Call, at: Mapping[int, int], names: Sequence[str]
    ) -> dict[int, Tensor]:
        """Returns the probabilities [heads, positions, tokens] of rows that were rewritten."""
        changed, found = {}, {}
        if self.rewrite:
            found = {row: call.scores(at[row]).softmax(-1) for row in self.rewrite.rows}
            changed = self.rewrite.change(found)
            found |= changed
        # One after the other: a row's probabilities fit a core's cache.
        weights = (
            (row, found[row] if row in found else call.scores(i).softmax(-1))
            for row, i in at.items()
        )
        self.take(call.grid, weights, names)
        return changed

    def _take_joint(self, call: Call, at: Mapping[int, int], names: Sequence[str]) -> None:
        if self.rewrite:
            raise UnreadableAttentionError(
                f"{call.name} attends to words and image together: it cannot be rewritten."
            )
        for i, w in enumerate(self.watched):
            if w.row in at:
                mean = call.by_column(at[w.row], self._indicators[i]).mean(0)
                self._sums_of(call.grid, mean.device)[i].add_(mean)
        self.layers.setdefault(call.grid, []).extend(names)
        for row, closer in self._closer.items():
            for i, indicator in closer if row in at else ():
                self._add_codes(call.grid, i, call.by_column(at[row], indicator))

    def take(self, grid: Size, weights: Iterable[tuple[int, Tensor]], names: Sequence[str]) -> None:
        """Add a layer's probabilities [heads, positions, tokens], each with its row."""
        means = {}
        for row, each in weights:
            means[row] = each.mean(0)
            for i, indicator in self._closer[row]:
                self._add_codes(grid, i, each @ indicator.to(each.device))
        self.take_mean(grid, means, names)

    def take_mean(self, grid: Size, means: Mapping[int, Tensor], names: Sequence[str]) -> None:
        """Add [positions, tokens] by row: mean over heads, sum over the layers `names`."""
        for i, w in enumerate(self.watched):
            if w.row in means:
                mean, sums = means[w.row], self._sums_of(grid, means[w.row].device)
                sums[i].addmm_(mean, self._indicators[i].to(mean.device))
        self.layers.setdefault(grid, []).extend(names)

    def _sums_of(self, grid: Size, device: torch.device) -> Tensor:
        if grid not in self.sums:
            shape = len(self.watched), grid[0] * grid[1], self._indicators[0].shape[1]
            self.sums[grid] = torch.zeros(shape, device=device)
        return self.sums[grid]

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
    if not changed:
        return output
    answers = [weights.to(output.dtype) @ call.value[row] for row, weights in changed.items()]
    rows = torch.tensor(list(changed), device=output.device)
    return output.index_copy(0, rows, torch.stack(answers))


@contextmanager
def record(
    network: nn.Module,
    watched: Sequence[Watched],
    rewrite: Rewrite | None = None,
    layout: Layout | None = None,
    calls: Sequence[Sequence[int]] = (),
) -> Iterator[Recorder]:
    """Record the attention of `watched` rows to words in every call of `network` in the scope.

    `rewrite` replaces probabilities first: the network then answers from those, and those are
    what is recorded. `layout` says where the network has its words (by default what LAYOUTS says
    of its class), `calls` which rows each network call has (see `Recorder`). Nothing of the network
    is replaced, see `attention_calls`, which also says what raises UnreadableAttentionError. If
    nothing is watched, nothing is touched.
    """
    recorder = Recorder(list(watched), rewrite, calls)
    if not recorder.rows:
        yield recorder
        return
    with attention_calls(network, layout or layout_of(network), recorder):
        yield recorder
