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
from itertools import groupby

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from playground.attention.calls import Call, attention_calls
from playground.attention.layouts import Found, Layout, Size, UnreadableAttentionError, layout_of
from playground.attention.probabilities import ENOUGH, Part, by_column, of_text

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
        # By network call, where these rows are in it.
        self._at = [
            {row: here.index(row) for row in self.rows if row in here} for here in self.calls
        ] or [{row: row for row in self.rows}]
        self._tokens = {w.row: len(w.columns) for w in self.watched}
        self._columns = [int(w.columns.max()) + 1 for w in self.watched]
        most = max(self._columns, default=0)
        self._indicators = [_indicator(w.columns, most) for w in self.watched]
        # By row, who asks for every head of it: position in `watched`, and its indicator.
        self._closer: dict[int, list[tuple[int, Tensor]]] = {row: [] for row in self.rows}
        for i, w in enumerate(self.watched):
            if w.head_columns is not None:
                self._closer[w.row].append((i, _indicator(w.head_columns)))
        # Calls that are not computed yet, with the places of rows in them; how many probabilities
        # each row has in them.
        self._waiting: list[tuple[Call, dict[int, int]]] = []
        self._numbers = 0

    def __call__(self, call: Call, output: Tensor) -> Tensor:
        """Take in one layer's attention; returns its output, rewritten where that was asked."""
        turn = call.number % len(self._at)
        if not turn:  # else it is the same layer again, for other rows
            self.layers.setdefault(call.grid, []).append(call.name)
        if self.rewrite:
            with torch.no_grad():
                changed = self._take_rewritten(self.rewrite, call, self._at[turn])
            return _answered(call, output, changed)
        self._waiting.append((call, self._at[turn]))
        self._numbers += call.numbers
        if self._numbers > ENOUGH:
            self.settle()
        return output

    def settle(self) -> None:
        """Compute what is waiting: layers of one kind together."""
        waiting, self._waiting, self._numbers = self._waiting, [], 0
        parts: dict[tuple[Size, int], list[Part]] = {}
        with torch.inference_mode():
            for call, at in waiting:
                for row, i in at.items():
                    part = call.part(i, self._tokens[row])
                    parts.setdefault((call.grid, row), []).append(part)
            for (grid, row), of_row in parts.items():
                for _, alike in groupby(of_row, lambda part: part.kind):
                    self._add_parts(grid, row, list(alike))

    def _add_parts(self, grid: Size, row: int, parts: list[Part]) -> None:
        heads = len(parts[0].query)
        if not parts[0].fits(self._indicators[0].shape[1]):
            self._add(grid, row, of_text(parts), heads)
            return
        for i, w in enumerate(self.watched):
            if w.row == row:
                found = by_column(parts, self._indicators[i])
                self._sums_of(grid, found.device)[i].add_(found.sum(0), alpha=1 / heads)
        for i, indicator in self._closer[row]:
            self._add_codes(grid, i, by_column(parts, indicator))

    def _take_rewritten(
        self, rewrite: Rewrite, call: Call, at: Mapping[int, int]
    ) -> dict[int, Tensor]:
        """Probabilities [heads, positions, tokens] of rows that were rewritten, by their place in
        the call.
        """
        if call.joint:
            raise UnreadableAttentionError(
                f"{call.name} attends to words and image together: it cannot be rewritten."
            )
        found = {row: call.scores(i).softmax(-1) for row, i in at.items()}
        changed = rewrite.change({row: found[row] for row in rewrite.rows})
        self.take(call.grid, (found | changed).items(), ())
        return {at[row]: weights for row, weights in changed.items()}

    def take(self, grid: Size, weights: Iterable[tuple[int, Tensor]], names: Sequence[str]) -> None:
        """Add a layer's probabilities [heads, positions, tokens], each with its row."""
        for row, each in weights:
            self._add(grid, row, [each], len(each))
        self.layers.setdefault(grid, []).extend(names)

    def take_mean(self, grid: Size, means: Mapping[int, Tensor], names: Sequence[str]) -> None:
        """Add [positions, tokens] by row: mean over heads, sum over the layers `names`."""
        for row, mean in means.items():
            self._add_mean(grid, row, mean)
        self.layers.setdefault(grid, []).extend(names)

    def _add(self, grid: Size, row: int, weights: Iterable[Tensor], heads: int) -> None:
        """Add a row's probabilities in pieces [some heads, positions, tokens], of layers that have
        so many heads each.
        """
        total: Tensor | None = None
        for each in weights:
            total = each.sum(0) if total is None else total.add_(each.sum(0))
            for i, indicator in self._closer[row]:
                self._add_codes(grid, i, each @ indicator.to(each.device))
        assert total is not None, "there is a layer"
        self._add_mean(grid, row, total.div_(heads))

    def _add_mean(self, grid: Size, row: int, mean: Tensor) -> None:
        for i, w in enumerate(self.watched):
            if w.row == row:
                indicator = self._indicators[i] = self._indicators[i].to(mean.device)
                self._sums_of(grid, mean.device)[i].addmm_(mean, indicator)

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
        self.settle()
        return [
            {
                size: self._map(sums[i, :, : self._columns[i]], size)
                for size, sums in self.sums.items()
            }
            for i in range(len(self.watched))
        ]

    def _map(self, sums: Tensor, size: Size) -> Tensor:
        return (sums / len(self.layers[size])).mT.reshape(-1, *size).cpu()

    def heads(self) -> list[dict[Size, Heads] | None]:
        """Per watched row, per grid size, every head by itself; None where it was not asked for."""
        self.settle()
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
    found: Found | None = None,
) -> Iterator[Recorder]:
    """Record the attention of `watched` rows to words in every call of `network` in the scope.

    `rewrite` replaces probabilities first: the network then answers from those, and those are
    what is recorded. `layout` says where the network has its words (by default what LAYOUTS says
    of its class), `calls` which rows each network call has (see `Recorder`), `found` what
    `layout.find` returned before. Nothing of the network is replaced, see `attention_calls`, which
    also says what raises UnreadableAttentionError. If nothing is watched, nothing is touched.
    """
    recorder = Recorder(list(watched), rewrite, calls)
    if not recorder.rows:
        yield recorder
        return
    with attention_calls(network, layout or layout_of(network), recorder, found):
        yield recorder
    recorder.settle()
