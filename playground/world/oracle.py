"""Read a picture back into a scene: a world with known answers allows an independent judge.

A small convolutional network looks at every cell of the 16×16 grid that item centres stand on
(Zhou et al. 2019, arXiv 1904.07850, "Objects as Points"): is a centre here, of which noun, how
large, which colour, wearing what? The place is read from the whole picture. It was trained on
rendered scenes alone, never on generated pictures.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

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


def folded(oracle: Oracle) -> Oracle:
    """The same oracle, in two thirds of the time: normalisation is a part of the convolutions, and
    a pixel's channels lie side by side in memory. `oracle` itself is changed.
    """
    for block in [m for m in oracle.modules() if isinstance(m, nn.Sequential)]:
        if isinstance(block[0], nn.Conv2d):
            block[0], block[1] = fuse_conv_bn_eval(block[0], block[1]), nn.Identity()
    return oracle.to(memory_format=torch.channels_last)


class Reading(nn.Module):
    """What an oracle reads in uint8 pictures [n, 128, 128, 3], as numbers in the tables above.

    `place` [n]; per cell [n, 16, 16]: `center`, 1 where an item stands, and were it one, its
    `noun`, `color`, `worn` and `size` in pixels; `features` [n, 6·width], to compare pictures.
    """

    def __init__(self, oracle: nn.Module):
        super().__init__()
        self.oracle = oracle

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        maps = self.oracle(_pixels(images))
        present = 1 - maps["noun"].softmax(1)[:, NOTHING]
        peak = F.max_pool2d(present[:, None], APART, 1, APART // 2)[:, 0] == present
        return {
            "place": maps["place"].argmax(1),
            "center": ((present > CERTAIN) & peak).long(),
            "noun": maps["noun"][:, :NOTHING].argmax(1),
            "color": maps["color"].argmax(1),
            "worn": maps["worn"].argmax(1),
            "size": (TYPICAL * maps["size"][:, 0].exp()).round().long(),
            "features": maps["features"],
        }


def _pixels(images: Tensor) -> Tensor:
    """uint8 [n, height, width, 3] → [n, 3, height, width] in [−1, 1]."""
    return images.permute(0, 3, 1, 2).float() / 127.5 - 1


def _answers(of: Callable[[Tensor], dict[str, Tensor]], images: np.ndarray) -> dict[str, Tensor]:
    answers: dict[str, list[Tensor]] = {}
    for part in torch.from_numpy(images).split(32):
        for name, answer in of(part).items():
            answers.setdefault(name, []).append(answer.cpu())
    return {name: torch.cat(parts) for name, parts in answers.items()}


@torch.inference_mode()
def features(oracle: Oracle, images: np.ndarray) -> Tensor:
    """The oracle's features [n, 6·width] of uint8 pictures [n, 128, 128, 3], to compare them."""
    return _answers(lambda part: oracle(_pixels(part)), images)["features"]


@torch.inference_mode()
def read(oracle: nn.Module, images: np.ndarray) -> list[Scene]:
    """The scenes that the oracle reads in uint8 pictures [n, 128, 128, 3]."""
    found = _answers(Reading(oracle), images)
    scenes = []
    for i in range(len(images)):
        cells = found["center"][i].nonzero().tolist()
        items = tuple(_item(found, i, *cell) for cell in cells)
        scenes.append(Scene(PLACE_NAMES[int(found["place"][i])], items, "read"))
    return scenes


def _item(found: dict[str, Tensor], i: int, row: int, column: int) -> Item:
    def at(name: str) -> int:
        return int(found[name][i, row, column])

    noun = NOUN_NAMES[at("noun")]
    wears = noun in NOUNS and NOUNS[noun].wears
    return Item(
        noun,
        (column * GRID, row * GRID),
        at("size"),
        color=COLOR_NAMES[at("color")] if noun in SHAPES else None,
        worn=WORN_NAMES[at("worn")] if wears else None,
    )
