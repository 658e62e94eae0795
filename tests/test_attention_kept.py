"""What is held of a closer look, and what a visitor can keep of it."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from playground.attention.summing import Aggregation
from playground.engine.events import Picture
from playground.engine.record import records
from playground.models import specs
from playground.models.words import Word
from playground.page.attention import data, keep, runs
from playground.page.attention.look import Look, means
from playground.page.attention.views.attention import LARGEST, Branch, Level, label, light
from playground.page.shared import overlay
from playground.recipe import Recipe

WIDE = Recipe(prompt="two red stars", steps=3, width=192, height=128)


def looked(recipe: Recipe) -> Look:
    *_, look = runs.closer(recipe)
    return look


def random_look(steps: int, words: int, grids, heads: int) -> Look:
    """One of full size, of noise, which nothing can compress."""
    numbers = np.random.default_rng(0)
    levels = [
        Level(("a",) * 3, numbers.integers(0, 256, (steps, heads, words + 4, h, w), np.uint8))
        for h, w in grids
    ]
    said = [Word(f"w{i}", 0, 1, (i,)) for i in range(words)]
    image = numbers.integers(0, 256, (128, 128, 3), np.uint8)
    latents = np.zeros((4, 16, 16), np.float32)
    return Look(
        Picture(0, Recipe(steps=steps), image, latents, steps, 2 * steps, 0, {}),
        [light(Branch("with words", said, range(steps), levels))],
        [np.zeros((16, 16, 3), np.uint8)] * steps, [latents] * steps, [0.0] * steps, 1.0,
    )  # fmt: skip


def test_fifty_steps_of_twelve_words_fit_ten_megabytes():
    """The shipped U-Net has 12 heads at 16×16 and 8×8 and 16 at 4×4; here 16 at each."""
    look = random_look(50, 12, [(16, 16), (8, 8), (4, 4)], heads=16)
    shown = data.laboratory(look)
    assert not shown["notes"]
    assert shown["branches"][0]["levels"][0]["heads"] == 16
    assert len(json.dumps(shown)) < 10_000_000
    assert len(keep.html(look)) < 10_000_000


def test_what_would_be_too_large_keeps_the_mean_over_heads_and_says_so():
    look = random_look(20, 5, [(96, 64), (48, 32)], heads=8)
    shown = data.laboratory(look)
    assert "only the mean over heads" in shown["notes"][0]
    assert [level["heads"] for level in shown["branches"][0]["levels"]] == [1, 1]
    assert sum(level.codes.size for level in look.branches[0].levels) < LARGEST  # also held
    assert len(json.dumps(shown)) < LARGEST
    found = look.branches[0].levels[0].probabilities(0)
    assert found.mean() == pytest.approx(1 / 3, abs=0.01)  # of (c/255)², c even in 0 … 255


def test_a_closer_look_at_a_wide_picture(session):
    look = looked(WIDE)
    shown = data.laboratory(look)
    assert (shown["height"], shown["width"]) == (128, 192)
    first, second = look.branches
    assert [level.size for level in first.levels] == [(16, 24), (8, 12), (4, 6)]
    assert [word.text for word in first.words] == ["two", "red", "stars"]
    assert second.words == ()
    for branch in (first, second):
        for maps in means(branch, branch.steps).values():
            assert np.abs(maps.sum(0) - 1).max() < 0.03


def test_steps_without_a_row_are_left_out(session):
    """Guidance for the first half only: afterwards there is no row without words."""
    look = looked(Recipe(prompt="a cat", steps=4, guidance_stop=0.5))
    assert [branch.steps for branch in look.branches] == [[0, 1, 2, 3], [0, 1]]


def test_a_picture_without_words_shows_its_only_rows(session):
    look = looked(Recipe(prompt="a cat", steps=2, guidance=0.0))
    assert [branch.name for branch in look.branches] == ["without words"]
    for kind in ("png", "gif"):
        with pytest.raises(ValueError, match="no words whose maps"):
            keep.file(kind, look)


def test_maps_are_those_of_the_run(session):
    """A look's maps, from codes of single heads, against the recording of means, summed alike."""
    *_, run = records(session, session.submit([WIDE], record=True))
    look, how = looked(WIDE), Aggregation.of(specs.get(WIDE.model).card)
    assert look.settled == how.settled(run.timesteps) == [2]
    assert np.abs(look.word_maps(look.settled) - run.word_maps(how)).max() < 0.01
    one = look.word_maps([0])
    assert np.abs(one.sum(0) - 1).max() < 1e-5
    assert np.abs(one - look.word_maps([1])).max() > 1e-4


def test_calls_without_rows_of_the_words_do_not_count(session):
    """w = 0 in the second half: the words are read at the first two calls alone."""
    recipe = Recipe(prompt="a cat", steps=4, guidance=0.0, guidance_start=0.5)
    look = looked(recipe)
    assert [branch.steps for branch in look.branches] == [[0, 1], [2, 3]]
    assert look.settled == [0, 1]
    assert look.word_maps(look.settled).shape == (2, 16, 16)


def test_the_sheet_shows_the_maps_that_the_page_shows_and_carries_the_recipe(session):
    look = looked(WIDE)
    name, content = keep.file("png", look)
    assert name == "latent-playground-7-attention.png"
    assert Recipe.from_png(io.BytesIO(content)) == WIDE
    sheet = Image.open(io.BytesIO(content))
    bar = overlay.bar(np.eye(2), 128, "colour").height
    assert sheet.size == (3 * 128, 4 * (16 + 128 + bar))  # best measured, then a row a grid
    picture = keep._fitted(look.picture.image)
    for column, map_ in enumerate(look.finished_maps()):
        tile = sheet.crop((column * 128, 16, (column + 1) * 128, 16 + 85))
        assert tile.tobytes() == overlay.laid(picture, map_, "colour").tobytes()
    lit = Image.open(io.BytesIO(keep.file("png", look, "light")[1]))
    assert lit.tobytes() != sheet.tobytes()


def test_names_in_any_script_are_drawn_whole(session):
    """A long name takes more lines, and its tile moves down."""
    plain = Image.open(io.BytesIO(keep.sheet(looked(Recipe(prompt="a cat", steps=1)))))
    recipe = Recipe(prompt="кошка Donaudampfschifffahrtsgesellschaft", steps=1)
    look = looked(recipe)
    sheet = Image.open(io.BytesIO(keep.sheet(look)))
    assert sheet.height > plain.height
    assert np.asarray(sheet.crop((0, 0, 128, 48))).min() < 100  # ink of the first name
    gif = Image.open(io.BytesIO(keep.gif(look)))
    assert gif.height > 128 + 16


def test_every_kind_of_file(session):
    look = looked(WIDE)
    files = {kind: keep.file(kind, look)[1] for kind in keep.KEPT}
    gif = Image.open(io.BytesIO(files["gif"]))
    assert (gif.n_frames, gif.width) == (3, 4 * 128)
    assert Recipe.from_json(gif.info["comment"].decode()) == WIDE
    arrays = np.load(io.BytesIO(files["npz"]))
    assert arrays["first_16x24"].dtype == np.uint8
    assert (arrays["first_16x24"] == look.branches[0].levels[0].codes).all()
    assert arrays["first_words"].tolist() == ["two", "red", "stars"]
    assert len(arrays["first_16x24_layers"]) * 2 == arrays["first_16x24"].shape[1]
    assert Recipe.from_json(str(arrays["recipe"])) == WIDE
    assert {name.split("_")[0] for name in arrays} == {"readme", "recipe", "first", "second"}


def test_another_overlay_is_a_sentence():
    with pytest.raises(ValueError, match="there are: colour, contour, light"):
        list(runs.kept({"kind": "png", "overlay": "jet"}, random_look(1, 2, [(4, 4)], 2)))


@pytest.mark.parametrize("kind", ["exe", None, [], {}, 5], ids=repr)
def test_other_kinds_of_files_are_a_sentence(kind):
    with pytest.raises(ValueError, match="there are: html, png, gif, npz"):
        list(runs.kept({"kind": kind}, random_look(1, 2, [(4, 4)], 2)))


def test_words_cannot_break_out_of_the_kept_page(session):
    recipe = Recipe(prompt="a </script><script>boo {{DATA}} cat", steps=1)
    page = keep.html(looked(recipe)).decode()
    assert page.count("<script>") == 1
    assert '"kind": "finished"' in page or '"kind":"finished"' in page
    assert "http://" not in page
    assert "https://" not in page


def test_layers_have_short_names():
    assert label("up_blocks.2.attentions.1.transformer_blocks.0.attn2") == "up 3.2"
    assert label("mid_block.attentions.0.transformer_blocks.0.attn2") == "middle"
    assert label("something.else") == "something.else"


def placed(ask: dict, held: Look | None) -> list:
    return list(runs.place({"link": WIDE.to_query(), "step": 1, "x": 0.9, "y": 0.1} | ask, held))


def test_a_position_is_worked_out_from_what_is_held(session):
    look = looked(WIDE)
    ((found, held),) = placed({}, look)
    assert held is look
    assert found["tokens"] == ["start", "two", "red", "stars", "end", "all padding"]
    assert (found["content"], found["step"]) == (3, 1)
    codes = look.branches[0].levels[0].probabilities(1)
    here = [layer["weights"] for layer in found["layers"] if layer["h"] == 16]
    weights = np.concatenate(here)[:, 1:4]  # words, head by head
    assert np.abs(weights - codes[:, 1:4, 1, 21]).max() < 1 / 255


def test_what_is_not_held_is_drawn_once_more_and_then_held(session):
    """On opening nothing is held, and what is shown is an example."""
    look = looked(WIDE)
    ((expected, _),) = placed({}, look)
    for other in (None, looked(Recipe(prompt="a cat", steps=1))):
        (said, nothing), (found, held) = placed({}, other)
        assert (said["kind"], said["text"], nothing) == ("message", runs.ONCE_MORE, None)
        assert found == expected
        assert held.recipe == WIDE
        ((again, _),) = placed({}, held)
        assert again == expected
        (_, _), (file, kept) = runs.kept({"kind": "npz", "link": WIDE.to_query()}, other)
        assert kept.recipe == WIDE
        assert file["name"] == "latent-playground-7-attention.npz"
    ((file, _),) = runs.kept({"kind": "png"}, look)
    assert file["text"] == "Saved latent-playground-7-attention.png."


def test_nothing_is_worked_out_where_the_words_are_not_read(session):
    unguided = replace(WIDE, guidance=0.0)
    look = looked(unguided)
    assert runs.finished(look)["worked"]["text"] == runs.UNREAD
    with pytest.raises(ValueError, match=r"^At w = 0 the words are not read"):
        placed({"link": unguided.to_query()}, look)


def test_working_out_the_example_does_not_end_a_closer_look(session):
    events = runs.closer(Recipe(steps=30, width=64, height=64), "ann")
    next(events), next(events)
    *_, (found, _) = runs.place({"link": WIDE.to_query(), "step": 0, "x": 0, "y": 0}, None, "ann")
    assert found["kind"] == "worked"
    *_, look = events
    assert isinstance(look, Look)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"x": 1.5}, "outside the picture"),
        ({"y": float("nan")}, "outside the picture"),
        ({"y": -(10**400)}, "outside the picture"),
        ({"x": "left"}, "given by numbers"),
        ({"x": None}, "given by numbers"),
        ({"y": [0.5]}, "given by numbers"),
        ({"step": None}, "given by numbers"),
        ({"step": True}, "given by numbers"),
        ({"step": 5000}, "no such step: this picture has 3"),
        ({"step": -1}, "no such step"),
        ({"step": 0.5}, "no such step"),
        ({"link": "?"}, "damaged"),
        ({"link": 7}, "damaged"),
        ({"link": Recipe(width=512).to_query()}, "at most 256 pixels"),
    ],
)
def test_a_bad_position_is_a_sentence(session, change, says):
    with pytest.raises(ValueError, match=says):
        placed(change, looked(WIDE))


def test_nothing_asked_for_is_a_sentence(session):
    with pytest.raises(ValueError, match="given by numbers: step, x and y"):
        list(runs.place({}, None))
    with pytest.raises(ValueError, match="nothing to keep yet"):
        list(runs.kept({"kind": "png"}, None))


def test_a_picture_that_fails_is_a_sentence(session, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(session.engine.network, "ask", fails)
    with pytest.raises(ValueError, match="This picture failed: Memory ran out"):
        looked(WIDE)
    with pytest.raises(ValueError, match="This picture failed: Memory ran out"):
        placed({}, None)
