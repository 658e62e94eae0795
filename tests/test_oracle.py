"""The oracle reads pictures back: exactly from perfect answers, well from unseen renders."""

import itertools
import json

import numpy as np
import pytest
import torch
from torch.nn.functional import one_hot

from playground.training.oracle import accuracy, jittered, targets, unseen
from playground.world import oracle as o
from playground.world.grammar import stream
from playground.world.render import draw
from playground.world.scene import GRID, Item, Scene

CARD = o.WEIGHTS.parent / "card.json"


class Certain(torch.nn.Module):
    """Answers what the scenes say, with certainty, whatever the pictures are."""

    def __init__(self, scenes: list[Scene]):
        super().__init__()
        self.right = targets(scenes)

    def forward(self, pictures):
        right = {name: value.clone() for name, value in self.right.items()}
        right["noun"][right["noun"] < 0] = o.NOTHING
        sizes = {
            "noun": o.NOTHING + 1, "color": len(o.COLOR_NAMES), "worn": len(o.WORN_NAMES),
            "place": len(o.PLACE_NAMES),
        }  # fmt: skip
        answers = {name: 20 * one_hot(right[name].clamp(min=0), n) for name, n in sizes.items()}
        # The place has one answer [B, n], the others one per cell [B, n, 16, 16].
        answers = {name: a.float().movedim(-1, 1) for name, a in answers.items()}
        return answers | {"size": right["size"][:, None], "features": torch.zeros(len(pictures), 1)}


def key(item: Item) -> tuple:
    return item.noun, item.size, item.color or "", item.worn or ""


def test_perfect_answers_give_the_scene_back():
    scenes = [s for s, _ in itertools.islice(stream(11), 32)]
    seen = o.read(Certain(scenes), np.zeros((32, 128, 128, 3), np.uint8))
    for scene, found in zip(scenes, seen, strict=True):
        assert found.place == scene.place
        pairs = zip(
            *(sorted(x.items, key=lambda i: (key(i), i.center)) for x in (scene, found)),
            strict=True,
        )
        assert len(found.items) == len(scene.items)
        for item, read in pairs:
            assert key(item) == key(read)
            assert np.abs(np.subtract(item.center, read.center)).max() <= GRID // 2


def test_folded_it_answers_as_before():
    scenes = [scene for scene, _ in itertools.islice(stream(12), 2)]
    pictures = torch.from_numpy(np.stack([draw(scene) for scene in scenes]))
    plain, folded = o.load(), o.folded(o.load())
    assert not [m for m in folded.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    with torch.inference_mode():
        wanted, found = plain(o._pixels(pictures)), folded(o._pixels(pictures))
    for name, answer in wanted.items():
        torch.testing.assert_close(found[name], answer, atol=1e-3, rtol=0)


def test_an_item_off_the_grid_is_looked_for_in_the_nearest_cell():
    assert o.cell_of((64, 8)) == (1, 8)
    assert o.cell_of((67, 13)) == (2, 8)
    assert o.cell_of((128, 0)) == (0, 15)
    rng = np.random.default_rng(0)
    scene = Scene("snow", (Item("fox", (64, 64), 48),))
    for _ in range(20):
        assert o.cell_of(jittered(scene, rng).items[0].center) == (8, 8)


def test_cells_around_a_centre_may_be_it_or_not_but_know_its_attributes():
    right = targets([Scene("snow", (Item("star", (64, 64), 48, color="red"),))])
    nouns = right["noun"][0]
    assert nouns[8, 8] == o.NOUN_NAMES.index("star")
    assert (nouns == -1).sum() == 8
    assert (nouns == o.NOTHING).sum() == 16 * 16 - 9
    assert (right["color"] >= 0).sum() == 9
    assert (right["worn"] >= 0).sum() == 0


@pytest.fixture(scope="module")
def shipped_oracle():
    return o.load()


@pytest.mark.parametrize("reconstructed", [False, True], ids=["rendered", "reconstructed"])
def test_it_reads_unseen_scenes_as_well_as_its_card_says(shipped_oracle, reconstructed):
    images, scenes = unseen(60, reconstructed)
    found = accuracy(shipped_oracle, images, scenes)
    card = json.loads(CARD.read_text())["reconstructed" if reconstructed else "rendered"]
    for name, share in card.items():
        error = max(share * (1 - share), 0.01) ** 0.5 / 20**0.5  # some attributes are in a third
        assert found[name] >= share - 3 * error, name


def test_any_picture_has_an_answer_in_words_of_this_world(shipped_oracle):
    noise = np.random.default_rng(0).integers(0, 256, (4, 128, 128, 3), dtype=np.uint8)
    for scene in o.read(shipped_oracle, noise):
        assert scene.place in o.PLACE_NAMES
        assert {item.noun for item in scene.items} <= set(o.NOUN_NAMES)


def test_equal_pictures_have_equal_features(shipped_oracle):
    images, _ = unseen(3)
    both = o.features(shipped_oracle, np.concatenate((images, images)))
    assert torch.equal(both[:3], both[3:])
    assert torch.pdist(both[:3]).min() > 0
