"""The playground from Python, on the shipped model."""

import io

import numpy as np
import pytest
from PIL import Image

from playground import Playground
from playground.client import DrawingFailedError
from playground.engine.engine import Engine
from playground.engine.events import Task
from playground.engine.local import LocalSession
from playground.models.pictures import PictureError
from playground.models.specs import UnknownModelError
from playground.recipe import Recipe, RecipeError

SQUARE = {"guidance": 5, "steps": 8, "seed": 1, "sampler": "dpmpp_2m"}


@pytest.fixture(scope="module")
def playground(shipped) -> Playground:
    return Playground(session=LocalSession(Engine(shipped)))


@pytest.fixture(scope="module")
def square(playground):
    return playground.draw("a red square", **SQUARE)


def test_a_picture_its_steps_and_its_recipe(square):
    assert square.recipe == Recipe(prompt="a red square", **SQUARE)
    assert (square.image.size, square.image.mode) == ((128, 128), "RGB")
    assert [step.index for step in square.steps] == list(range(8))
    assert "a red square" in repr(square)


def test_a_words_map_lies_on_what_it_names(square):
    map_ = square.map("square")
    assert (map_.shape, map_.dtype) == ((128, 128), np.float32)
    red = np.asarray(square.image).astype(int)
    inside = (red[..., 0] > 150) & (red[..., 1] < 90) & (red[..., 2] < 90)
    assert inside.mean() > 0.05  # there is a red square
    assert map_[inside].mean() > 3 * map_[~inside].mean()
    total = sum(square.map(word) for word in ("a", "red", "square"))
    np.testing.assert_allclose(total, 1, atol=0.05)


def test_a_picture_is_saved_with_its_recipe(square, tmp_path):
    square.save(tmp_path / "x.png")
    assert Recipe.from_png(tmp_path / "x.png") == square.recipe
    saved = Image.open(io.BytesIO((tmp_path / "x.png").read_bytes()))
    assert np.array_equal(saved, square.image)


def test_a_picture_that_is_there_is_read(square, playground, tmp_path):
    """Its map lies where the drawn picture's does; its file and its image are the same picture."""
    square.save(tmp_path / "x.png")
    found = playground.read(tmp_path / "x.png", "a red square")
    assert found.words == square.words
    assert np.array_equal(found.original, square.image)
    inside = square.map("square") > 0.5
    assert found.map("square")[inside].mean() > 3 * found.map("square")[~inside].mean()
    other = playground.read(square.image.resize((300, 200)), "a red square")
    assert other.original.size == other.image.size == (128, 128)
    with pytest.raises(PictureError):
        playground.read(__file__, "a red square")


def test_other_sizes(playground):
    run = playground.draw("a cat", width=192, height=128, steps=2)
    assert run.image.size == (192, 128)
    assert run.map("cat").shape == (128, 192)


def test_a_sweep_is_drawn_from_one_noise_in_the_order_asked_for(playground):
    runs = playground.sweep("a red square", values=(7, 0, 1), steps=2)
    assert [run.recipe.guidance for run in runs] == [7, 0, 1]
    first = [run.steps[0].latents for run in runs]
    assert all(np.array_equal(first[0], latents) for latents in first)
    with pytest.raises(ValueError, match="At w = 0 the words are not read"):
        runs[1].map("red")


def test_repeated_words_are_counted(playground):
    run = playground.draw("a cat and a dog", steps=2)
    assert not np.array_equal(run.map("a"), run.map("a", which=1))
    with pytest.raises(ValueError, match="no 'a' number 2 among the words: a, cat, and, a, dog"):
        run.map("a", which=2)


def test_what_cannot_be_drawn_is_said_before(playground):
    with pytest.raises(RecipeError, match="Steps must be between 1 and 100"):
        playground.draw("a cat", steps=0)
    with pytest.raises(TypeError, match="colour"):
        playground.draw("a cat", colour="red")
    with pytest.raises(UnknownModelError, match="there are: emoji-world"):
        Playground(model="no such model")


@pytest.mark.slow
@pytest.mark.parametrize(
    "fields", [{"lora": "few-steps"}, {"model": "emoji-world-lcm"}, {"weights": "0123abcd"}]
)
def test_a_recipe_of_other_weights_is_not_drawn_with_these(fields, playground):
    with pytest.raises(RecipeError, match="for other weights than this Playground has"):
        playground.draw("a cat", steps=1, **fields)
    with pytest.raises(RecipeError, match="for other weights than this Playground has"):
        playground.draw_all([Recipe(prompt="a cat", steps=1, **fields)])


def test_a_prepared_playground_draws_by_the_fastest_backend():
    (drawn,) = Playground(prepared=True).draw_all([Recipe(steps=1)], record=False)
    assert drawn.record.picture.networks == ("ONNX Runtime",)
    assert drawn.record.steps[0].maps is None


def test_what_a_recipe_cannot_say_is_drawn_too(playground):
    (drawn,) = playground.draw_all([Task(Recipe(steps=2, guidance=1), steps=3)], record=False)
    assert len(drawn.steps) == 3


def test_a_failure_while_drawing_is_an_error(playground, shipped, monkeypatch):
    def broken(*_):
        raise ArithmeticError("the decoder broke")

    monkeypatch.setattr(shipped.vae, "decode", broken)
    with pytest.raises(DrawingFailedError, match="the log calls it"):
        playground.draw("a cat", steps=1)
