"""A recipe survives every way it travels: as JSON, as a link and inside a picture."""

import base64
import io
import re

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from test_recipe import check_message

from playground.recipe import FORMER, PNG_KEY, VERSION, Recipe, RecipeError

ODD = Recipe(
    prompt='<img src=x onerror="alert(1)"> & a "fox"\n\ttwo\\lines 🦊 naïve 猫 \x00 {{7*7}}',
    negative="' OR 1=1; -- </script>",
    guidance=7.3,
    rescale=0.05,
    guidance_start=0.1,
    guidance_stop=0.95,
    sampler="heun",
    steps=1,
    eta=1.0,
    seed=2**32 - 1,
    width=1024,
    height=64,
    model="some/other model",
)
RECIPES = [Recipe(), ODD, Recipe(prompt="", guidance=0, seed=0)]
# What `?r=` said for this recipe when version 1 was made: old links must go on working.
GOLDEN = (
    "eyJ2IjoxLCJwcm9tcHQiOiJ0d28gZm94ZXMg8J-miiIsInNlZWQiOjQyLCJndWlkYW5jZSI6Ny41LCJz"
    "YW1wbGVyIjoiaGV1biIsInN0ZXBzIjoxMiwid2lkdGgiOjE5Mn0"
)

GOLDEN_2 = (  # and in version 2
    "eyJ2IjoyLCJwcm9tcHQiOiJ0d28gZm94ZXMg8J-miiIsInNlZWQiOjQyLCJndWlkYW5jZSI6Ny41LCJzYW"
    "1wbGVyIjoiaGV1biIsInN0ZXBzIjoxMiwid2lkdGgiOjE5Mn0"
)


def png_of(recipe: Recipe, size=(4, 4)) -> io.BytesIO:
    file = io.BytesIO()
    recipe.save_png(Image.new("RGB", size), file)
    file.seek(0)
    return file


@pytest.mark.parametrize("recipe", RECIPES)
def test_round_trips(recipe):
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert Recipe.from_query(recipe.to_query()) == recipe
    assert Recipe.from_png(png_of(recipe)) == recipe


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_link_needs_no_escaping(recipe):
    assert re.fullmatch(r"[A-Za-z0-9_-]+", recipe.to_query())


def test_old_links_still_work():
    recipe = Recipe(
        prompt="two foxes 🦊", guidance=7.5, sampler="heun", steps=12, seed=42, width=192
    )
    assert Recipe.from_query(GOLDEN) == Recipe.from_query(GOLDEN_2) == recipe
    assert recipe.to_query() == GOLDEN_2


def test_a_recipe_that_left_a_former_default_unsaid_still_means_it():
    """Every version ever written: what its defaults were is not lost when they change."""
    assert FORMER.keys() == set(range(1, VERSION + 1))
    assert not FORMER[VERSION]
    old = Recipe.from_dict({"v": 1, "prompt": "a cat", "seed": 1})
    assert (old.sampler, old.steps, old.guidance) == ("dpmpp_2m", 20, 5)
    assert Recipe.from_dict({"v": 1, "sampler": "heun"}).steps == 20
    assert Recipe.from_dict({"v": 2}) == Recipe()


def test_a_saved_picture_stays_the_same_picture():
    image = Image.effect_noise((32, 32), 80).convert("RGB")
    file = io.BytesIO()
    ODD.save_png(image, file)
    assert Image.open(file).convert("RGB").tobytes() == image.tobytes()


def test_only_what_differs_is_said_but_always_words_and_seed():
    assert Recipe().to_dict() == {"v": 2, "prompt": Recipe().prompt, "seed": Recipe().seed}
    assert Recipe(steps=3).to_dict().keys() == {"v", "prompt", "seed", "steps"}


BAD_JSON = {
    "empty": "",
    "half": '{"v":1,"prompt":"a c',
    "a list": "[]",
    "a number": "5",
    "nothing": "null",
    "no version": '{"prompt":"a cat"}',
    "another version": '{"v":3}',
    "no such version": '{"v":0}',
    "a version of the wrong type": '{"v":true}',
    "an unknown name": '{"v":1,"Steps":3}',
    "an unknown name with a line break": '{"v":1,"a\\nb":3}',
    "not a number": '{"v":1,"guidance":NaN}',
    "infinite": '{"v":1,"guidance":1e999}',
    "an endless number": '{"v":1,"seed":' + "9" * 5000 + "}",
    "nested deeply": '{"v":' + "[" * 100_000 + "]" * 100_000 + "}",
    "half a character": '{"v":1,"prompt":"\\ud83e"}',
}


@pytest.mark.parametrize("text", BAD_JSON.values(), ids=BAD_JSON.keys())
def test_damaged_json_is_refused_in_words(text):
    query = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    for read, value in ((Recipe.from_json, text), (Recipe.from_query, query)):
        with pytest.raises(RecipeError) as caught:
            read(value)
        check_message(caught.value)


@pytest.mark.parametrize("text", ["", "%", "a", "é", GOLDEN[:-3], GOLDEN[1:], GOLDEN + "!", "/w=="])
def test_damaged_links_are_refused_in_words(text):
    with pytest.raises(RecipeError) as caught:
        Recipe.from_query(text)
    check_message(caught.value)


def test_pictures_without_a_recipe_are_refused():
    plain, jpeg, other = io.BytesIO(), io.BytesIO(), io.BytesIO()
    Image.new("RGB", (4, 4)).save(plain, "PNG")
    Image.new("RGB", (4, 4)).save(jpeg, "JPEG")
    info = PngInfo()
    info.add_text(PNG_KEY, "no json")
    Image.new("RGB", (4, 4)).save(other, "PNG", pnginfo=info)
    for file, words in ((plain, "no recipe"), (jpeg, "not a readable"), (other, "damaged")):
        with pytest.raises(RecipeError, match=words):
            Recipe.from_png(file)


def test_a_damaged_picture_gives_the_whole_recipe_or_none():
    whole = png_of(ODD).getvalue()
    cut = [whole[:end] for end in range(len(whole))]
    flipped = [whole[:i] + bytes([whole[i] ^ 0x55]) + whole[i + 1 :] for i in range(len(whole))]
    refused = 0
    for damaged in cut + flipped:
        try:
            assert Recipe.from_png(io.BytesIO(damaged)) == ODD  # the damage is elsewhere
        except RecipeError as error:
            check_message(error)
            refused += 1
    assert refused > len(whole)
