"""Pictures of other programs: what their text says becomes a recipe, and the rest is listed."""

import io
import time

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from test_recipe import check_message

from playground import a1111
from playground.diffusion.samplers import SAMPLERS
from playground.recipe import Recipe, RecipeError

USUAL = (
    "a cat in a hat, oil painting\nNegative prompt: blurry, text\nSteps: 20, Sampler: DPM++ 2M "
    "Karras, CFG scale: 7.5, Seed: 965400086, Size: 512x768, Model hash: 6ce0161689, Model: "
    "v1-5-pruned-emaonly, Version: v1.6.0"
)
SETTINGS = "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512"


def png(**texts) -> io.BytesIO:
    info, file = PngInfo(), io.BytesIO()
    for name, text in texts.items():
        info.add_itxt(name, text)
    Image.new("RGB", (4, 4)).save(file, "PNG", pnginfo=info)
    file.seek(0)
    return file


def test_what_the_web_ui_writes():
    found = a1111.from_png(png(parameters=USUAL))
    assert found.recipe == Recipe(
        prompt="a cat in a hat, oil painting", negative="blurry, text", steps=20, guidance=7.5,
        sampler="dpmpp_2m_karras", seed=965400086, width=512, height=768,
    )  # fmt: skip
    assert (found.model, found.hash) == ("v1-5-pruned-emaonly", "6ce0161689")
    assert found.notes == ("Version: v1.6.0",)


@pytest.mark.parametrize(
    ("said", "sampler", "notes"),
    [
        ("Sampler: Euler a", "euler_a", ()),
        ("Sampler: DPM++ 2M, Schedule type: Karras", "dpmpp_2m_karras", ()),
        ("Sampler: DPM++ 2M, Schedule type: Automatic", "dpmpp_2m", ()),
        ("Sampler: Euler, Schedule type: Karras", "euler", ("Schedule type: karras",)),
        ("Sampler: DPM++ 2M SDE Karras", "dpmpp_2m_sde", ("Schedule type: karras",)),
        ("Sampler: Restart", Recipe().sampler, ("Sampler: Restart",)),
        ("Seed: 3", Recipe().sampler, ("Sampler: not said",)),
    ],
)
def test_samplers_are_told_by_their_names_there(said, sampler, notes):
    found = a1111.read(f"a cat\nSteps: 20, {said}")
    assert (found.recipe.sampler, found.notes) == (sampler, notes)


def test_long_gaps_between_settings_take_no_longer():
    started = time.process_time()
    found = a1111.read("a cat\nSteps: 20," + " " * 19_900 + "Seed: 3")
    assert (found.recipe.steps, found.recipe.seed) == (20, 3)
    assert time.process_time() - started < 0.5  # 1.8 s when gaps were tried from each of their ends


def test_every_sampler_that_is_named_here_exists():
    assert set(a1111.SAMPLERS.values()) <= SAMPLERS.keys()


def test_words_may_have_several_lines_or_be_missing():
    found = a1111.read(f"a cat,\nin a hat\nNegative prompt: text,\nblurry\n{SETTINGS}").recipe
    assert (found.prompt, found.negative) == ("a cat,\nin a hat", "text,\nblurry")
    assert a1111.read(SETTINGS).recipe.prompt == ""
    assert a1111.read(f"Negative prompt: text\n{SETTINGS}").recipe.negative == "text"


def test_what_is_not_understood_is_listed():
    words = "<lora:style:0.8> a (red:1.3) cat BREAK [day:night:0.5]"
    settings = 'Steps: 20, Sampler: Euler, Clip skip: 2, Lora hashes: "a: 1, b: 2", Size: wide'
    found = a1111.read(f"{words}\n{settings}")
    assert found.recipe.prompt == words  # nothing is left out of the words
    assert found.notes == (
        "<name:weight> (a LoRA or the like) is read as words.",
        "(words:1.2): here a weight multiplies the attention to these words, there their embeds.",
        "BREAK is read as words.",
        "[from:to:when] (words that change) is read as words.",
        "Size: wide",
        "Clip skip: 2",
        'Lora hashes: "a: 1, b: 2"',
    )


def test_long_words_are_cut_between_two_and_that_is_said():
    found = a1111.read(f"{'cat, ' * 59}a zebra, a dog\n{SETTINGS}")
    assert found.recipe.prompt == "cat, " * 59 + "a"
    assert found.notes == ("Words: the end was cut off, from “zebra, a dog”.",)


def test_numbers_beyond_a_recipes_bounds_are_listed_with_the_bounds():
    found = a1111.read("a cat\nSteps: 150, Sampler: Euler, CFG scale: 40, Seed: -1, Size: 500x512")
    usual = Recipe(prompt="a cat", negative="", sampler="euler")
    assert found.recipe == usual
    assert [note.split(" must")[0] for note in found.notes] == [
        "Steps", "Guidance scale w", "Seed", "Width",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", "a cat", "\n\n", '{"v":2}', "Steps", "x" * 20_001, "Steps\n: 5", "\x00" * 50],
    ids=lambda text: repr(text[:12]),
)
def test_other_texts_are_refused_in_words(text):
    with pytest.raises(RecipeError) as caught:
        a1111.read(text)
    check_message(caught.value)


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "text",
    [
        "Steps: 5," + "a" * 19_000,
        "Steps: 5, " + "a: " * 6000,
        "Steps: 5, " + 'x: "' + "\\" * 15_000,
        "(" * 9_000 + "[" * 9_000 + "\nSteps: 5",
        "<a:" * 6_000 + "\nSteps: 5",
        "Negative prompt:" * 1_000 + "\nSteps: 5",
        "a\nSteps: " + "9" * 15_000,
        "a\nSteps: NaN, Seed: 1e99, CFG scale: inf, Size: -1x٣",
        "\ud83e\nSteps: 5",
        "<script>alert(1)</script>\x00\nSteps: 5, \x1b[31m: 2, Z: \x00",
    ],
    ids=range(10),
)
def test_hostile_texts_are_read_quickly_or_refused(text):
    try:
        found = a1111.read(text)
    except RecipeError as error:
        check_message(error)
        return
    assert Recipe.from_query(found.recipe.to_query()) == found.recipe
    assert len(found.notes) <= a1111.MOST + 1
    assert all(note.isprintable() and len(note) <= a1111.WIDTH for note in found.notes)


def test_pictures_without_such_a_text():
    assert a1111.from_png(png(Comment="a cat")) is None
    with pytest.raises(RecipeError, match="graph of ComfyUI"):
        a1111.from_png(png(workflow="{}"))
    with pytest.raises(RecipeError, match="not a readable PNG"):
        a1111.from_png(io.BytesIO(b"GIF89a"))
