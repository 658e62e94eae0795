"""What the page receives of a closer look, and what a visitor can keep of it."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from playground.models.words import Word
from playground.page.attention import keep, runs
from playground.page.attention.views import attention
from playground.page.attention.views.attention import LARGEST, Branch, Level, label
from playground.page.shared.view import Summing
from playground.recipe import Recipe

WIDE = Recipe(prompt="two red stars", steps=3, width=192, height=128)


def random_run(steps: int, words: int, grids, heads: int) -> dict:
    """A payload of full size, of noise, which nothing can compress."""
    numbers = np.random.default_rng(0)
    levels = [
        Level(("a",) * 3, numbers.integers(0, 256, (steps, heads, words + 4, h, w), np.uint8))
        for h, w in grids
    ]
    said = [Word(f"w{i}", 0, 1, (i,)) for i in range(words)]
    latents = np.zeros((4, 16, 16))
    return attention.finished(
        b"\0" * 20_000, (128, 128), [np.zeros((16, 16, 3), np.uint8)] * steps, [latents] * steps,
        [0.0] * steps, [Branch("with words", said, range(steps), levels)], "", "x.png", "",
        Summing(tuple(range(steps)), (0.5, 1.0), 0.125, ""),
    )  # fmt: skip


def test_fifty_steps_of_twelve_words_fit_ten_megabytes():
    """The shipped U-Net has 12 heads at 16×16 and 8×8 and 16 at 4×4; here 16 at each."""
    data = random_run(50, 12, [(16, 16), (8, 8), (4, 4)], heads=16)
    assert not data["notes"]
    assert data["branches"][0]["levels"][0]["heads"] == 16
    assert len(json.dumps(data)) < 10_000_000
    assert len(keep.html(data)) < 10_000_000


def test_what_would_be_too_large_keeps_the_mean_over_heads_and_says_so():
    data = random_run(20, 5, [(96, 64), (48, 32)], heads=8)
    assert "only the mean over heads" in data["notes"][0]
    assert [level["heads"] for level in data["branches"][0]["levels"]] == [1, 1]
    assert len(json.dumps(data)) < LARGEST
    maps = keep.probabilities(data["branches"][0])["96x64"]
    assert maps.mean() == pytest.approx(1 / 3, abs=0.01)  # of (c/255)², c even in 0 … 255


def test_a_closer_look_at_a_wide_picture(look, tiny):
    data = look(WIDE)
    assert (data["height"], data["width"]) == (128, 192)
    first, second = data["branches"]
    assert [(level["h"], level["w"]) for level in first["levels"]] == [(16, 24), (8, 12), (4, 6)]
    assert [word["text"] for word in first["words"]] == ["two", "red", "stars"]
    assert second["words"] == []
    for branch in (first, second):
        for maps in keep.probabilities(branch).values():
            assert np.abs(maps.sum(2) - 1).max() < 0.03


def test_steps_without_a_row_are_left_out(look):
    """Guidance for the first half only: afterwards there is no row without words."""
    data = look(Recipe(prompt="a cat", steps=4, guidance_stop=0.5))
    assert [branch["steps"] for branch in data["branches"]] == [[0, 1, 2, 3], [0, 1]]


def test_a_picture_without_words_shows_its_only_rows(look):
    data = look(Recipe(prompt="a cat", steps=2, guidance=0.0))
    assert [branch["name"] for branch in data["branches"]] == ["without words"]
    for kind in ("png", "gif"):
        with pytest.raises(ValueError, match="no words whose maps"):
            keep.file(kind, data)


def test_every_kind_of_file(look):
    data = look(WIDE)
    files = {kind: keep.file(kind, data)[1] for kind in keep.KEPT}
    assert Image.open(io.BytesIO(files["png"])).size == (3 * 128, 3 * (128 + 16))
    gif = Image.open(io.BytesIO(files["gif"]))
    assert (gif.n_frames, gif.size) == (3, (4 * 128, 128 + 16))
    arrays = np.load(io.BytesIO(files["npz"]))
    codes = np.frombuffer(base64.b64decode(data["branches"][0]["levels"][0]["codes"]), np.uint8)
    assert arrays["first_16x24"].dtype == np.uint8
    assert (arrays["first_16x24"].ravel() == codes).all()
    assert arrays["first_words"].tolist() == ["two", "red", "stars"]
    assert len(arrays["first_16x24_layers"]) * 2 == arrays["first_16x24"].shape[1]
    with pytest.raises(ValueError, match="there are: html, png, gif, npz"):
        keep.file("exe", data)


def test_words_cannot_break_out_of_the_kept_page(look):
    page = keep.html(look(Recipe(prompt="a </script><script>boo {{DATA}} cat", steps=1))).decode()
    assert page.count("<script>") == 1
    assert page.count('"kind":"finished"') == 1
    assert "http://" not in page
    assert "https://" not in page


def test_layers_have_short_names():
    assert label("up_blocks.2.attentions.1.transformer_blocks.0.attn2") == "up 3.2"
    assert label("mid_block.attentions.0.transformer_blocks.0.attn2") == "middle"
    assert label("something.else") == "something.else"


def test_a_place_is_worked_out_from_what_the_page_sends_back(look):
    data = look(WIDE)
    ask = {"link": data["link"], "step": 1, "timestep": data["timesteps"][1]}
    found = runs.place(**ask, x=0.9, y=0.1, noisy=data["noisy"][1])
    assert found["tokens"] == ["start", "two", "red", "stars", "end", "all padding"]
    maps = keep.probabilities(data["branches"][0])["16x24"][1]
    here = [layer["weights"] for layer in found["layers"] if layer["h"] == 16]
    weights = np.concatenate(here)[:, 1:4]  # words, head by head
    assert np.abs(weights - maps[:, 1:4, 1, 21]).max() < 1 / 255


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"x": 1.5}, "outside the picture"),
        ({"y": float("nan")}, "outside the picture"),
        ({"timestep": 5000}, "outside the picture"),
        ({"x": "left"}, "two numbers"),
        ({"noisy": "AAAA"}, "did not arrive"),
        ({"noisy": "?"}, "did not arrive"),
        ({"noisy": None}, "did not arrive"),
        ({"link": "?"}, "damaged"),
    ],
)
def test_a_bad_place_is_a_sentence(look, change, says):
    data = look(Recipe(prompt="a cat", steps=1))
    ask = {"link": data["link"], "step": 0, "timestep": 1.0, "noisy": data["noisy"][0]}
    with pytest.raises(ValueError, match=says):
        runs.place(**ask | {"x": 0.5, "y": 0.5} | change)
