"""Read a picture back into a scene: a world with known answers allows an independent judge.

A small convolutional network looks at every cell of the 16×16 grid that item centres stand on
(Zhou et al. 2019, arXiv 1904.07850, "Objects as Points"): is a centre here, of which noun, how
large, which colour, wearing what? The place is read from the whole picture. It was trained on
rendered scenes alone, never on generated pictures.
"""

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from playground.paths import ASSETS
from playground.world.scene import GRID, SIDE, Item, Scene
from playground.world.vocabulary import COLORS, COSTUME, NOUNS, PLACES, SHAPES, WEARABLE

WEIGHTS = ASSETS / "oracle" / "oracle.safetensors"
NOUN_NAMES = (*NOUNS, *SHAPES)
COLOR_NAMES, PLACE_NAMES = tuple(COLORS), tuple(PLACES)
WORN_NAMES = (None, *WEARABLE, COSTUME)
NOTHING = len(NOUN_NAMES)  # the class of a cell without a centre
CELLS = SIDE // GRID
TYPICAL = 48.0  # pixels: sizes are predicted as log(size / TYPICAL)
CERTAIN = 0.5  # a cell holds a centre if NOTHING is less likely than 1 − CERTAIN
APART = 5  # cells: of centres closer than this window only the clearest counts


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class Oracle(nn.Module):
    """Pictures [B, 3, 128, 128] in [−1, 1] → answers per cell [B, n, 16, 16], places, features."""

    def __init__(self, width: int = 24):
        super().__init__()
        w = width
        self.fine = nn.Sequential(
            _conv(3, w, 2), _conv(w, w), _conv(w, 2 * w, 2), _conv(2 * w, 2 * w),
            _conv(2 * w, 4 * w, 2), _conv(4 * w, 4 * w),
        )  # fmt: skip
        # Large items need to be seen whole: two coarser levels, added back.
        self.middle = nn.Sequential(_conv(4 * w, 6 * w, 2), _conv(6 * w, 6 * w))
        self.coarse = nn.Sequential(_conv(6 * w, 6 * w, 2), _conv(6 * w, 6 * w))
        self.merge = nn.Sequential(_conv(16 * w, 6 * w), _conv(6 * w, 6 * w))
        heads = {"noun": NOTHING + 1, "color": len(COLORS), "worn": len(WORN_NAMES), "size": 1}
        self.heads = nn.ModuleDict({k: nn.Conv2d(6 * w, n, 1) for k, n in heads.items()})
        self.place = nn.Linear(6 * w * (CELLS // 4) ** 2, len(PLACES))

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        fine = self.fine(pictures.to(self.place.weight.device))
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        levels = [F.interpolate(x, (CELLS, CELLS)) for x in (fine, middle, coarse)]
        merged = self.merge(torch.cat(levels, 1))
        answers = {name: head(merged) for name, head in self.heads.items()}
        return answers | {"place": self.place(coarse.flatten(1)), "features": coarse.mean((2, 3))}


def cell_of(center: tuple[int, int]) -> tuple[int, int]:
    """(row, column) of the cell that answers for an item: the nearest corner's."""
    column, row = (min(max(round(v / GRID), 0), CELLS - 1) for v in center)
    return row, column


def load() -> Oracle:
    oracle = Oracle()
    oracle.load_state_dict(load_file(WEIGHTS))  # stored in half precision, computed in single
    return oracle.eval().requires_grad_(False)


def _answers(oracle: Oracle, images: np.ndarray) -> dict[str, Tensor]:
    pictures = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
    answers: dict[str, list[Tensor]] = {}
    for part in pictures.split(32):
        for name, answer in oracle(part).items():
            answers.setdefault(name, []).append(answer.cpu())
    return {name: torch.cat(parts) for name, parts in answers.items()}


@torch.inference_mode()
def features(oracle: Oracle, images: np.ndarray) -> Tensor:
    """The oracle's features [n, 6·width] of uint8 pictures [n, 128, 128, 3], to compare them."""
    return _answers(oracle, images)["features"]


@torch.inference_mode()
def read(oracle: Oracle, images: np.ndarray) -> list[Scene]:
    """The scenes that the oracle reads in uint8 pictures [n, 128, 128, 3]."""
    maps = _answers(oracle, images)
    present = 1 - maps["noun"].softmax(1)[:, NOTHING]  # [n, 16, 16]
    peak = F.max_pool2d(present, APART, 1, APART // 2) == present
    scenes = []
    for i in range(len(images)):
        cells = ((present[i] > CERTAIN) & peak[i]).nonzero().tolist()
        place = PLACE_NAMES[int(maps["place"][i].argmax())]
        scenes.append(Scene(place, tuple(_item(maps, i, *cell) for cell in cells), "read"))
    return scenes


def _item(maps: dict[str, Tensor], i: int, row: int, column: int) -> Item:
    def best(name: str, count: int | None = None) -> int:
        return int(maps[name][i, :count, row, column].argmax())

    noun = NOUN_NAMES[best("noun", NOTHING)]
    wears = noun in NOUNS and NOUNS[noun].wears
    return Item(
        noun,
        (column * GRID, row * GRID),
        round(TYPICAL * float(maps["size"][i, 0, row, column].exp())),
        color=COLOR_NAMES[best("color")] if noun in SHAPES else None,
        worn=WORN_NAMES[best("worn")] if wears else None,
    )
