"""Choosing a model: what the recipe keeps, what is offered, and pictures of other programs."""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import gradio as gr
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from playground.models import loras, specs
from playground.page import arriving, chooser, fits, panel, serving, switching
from playground.page.chooser import Shown
from playground.recipe import Recipe, RecipeError

TEACHER, FLOW, STUDENT = specs.MODELS


def built(make):
    """What `make` lays out: inside a loop, since gradio leaves one open that it makes itself; in a
    thread of its own, since Playwright's loop runs in ours.
    """

    async def work():
        with gr.Blocks(analytics_enabled=False):
            return make()

    with ThreadPoolExecutor() as threads:
        return threads.submit(asyncio.run, work()).result()


@pytest.fixture(scope="module")
def laid_out():
    return built(lambda: panel.build(Recipe(), gr.Column(), gr.Column()))


def test_what_both_models_begin_with_alike_stays_and_the_rest_is_the_new_ones():
    recipe = Recipe(prompt="a cat", width=192, guidance=3, seed=9, sampler="unipc", steps=30)
    made, line = switching.switched(recipe, TEACHER, STUDENT)
    assert made == replace(recipe, model=STUDENT, sampler="lcm", steps=4)
    assert line == "Sampler LCM instead of UniPC, Steps 4 instead of 30."
    back, _ = switching.switched(made, STUDENT, TEACHER)
    assert back == replace(recipe, sampler="ddim", steps=15)


def test_what_means_nothing_there_goes_back_and_is_said():
    recipe = Recipe(guidance=0, negative="a dog", rescale=0.5)
    made, line = switching.switched(recipe, TEACHER, STUDENT)
    assert (made.guidance, made.negative, made.rescale) == (5, "", 0)
    assert "Negative words none instead of a dog" in line
    assert "Guidance scale w 5 instead of 0" in line


def test_a_checkpoint_brings_its_size_and_drops_the_lora(tiny_pipeline):
    folder = str(tiny_pipeline("flux"))
    made, line = switching.switched(Recipe(width=192, lora="x.safetensors"), TEACHER, folder)
    side = specs.get(folder).side
    assert (made.width, made.height, made.lora) == (side, side, "")
    assert f"{side}×{side} pixels instead of 192×128" in line
    assert switching.switched(made, folder, folder) == (made, "The recipe stays as it was.")


@pytest.mark.parametrize(
    ("family", "kind", "edits", "worked", "exact"),
    [
        ("sd15", "classifier_free", True, True, True),
        ("lcm", "embedded", True, True, False),
        ("pixart", "classifier_free", True, False, True),
        ("flux", "embedded", False, False, True),
        ("flux_schnell", "distilled", False, False, True),
        ("lumina2", "by_rows", False, False, True),
    ],
)
def test_every_kind_of_model_says_what_does_not_fit(
    family, kind, edits, worked, exact, tiny_pipeline, laid_out
):
    fit = fits.of(str(tiny_pipeline(family)))
    assert fit.guidance.name == kind
    found = [not fit.why_not(part) for part in ("edits", "worked", "exact")]
    assert found == [edits, worked, exact]
    assert bool(fit.why_not("lookahead")) == (not fit.guidance.branches)
    assert bool(fit.why_not("plain sum")) == (kind == "by_rows")
    for part in fits.PARTS:
        assert fit.why_not(part) == "" or fit.why_not(part).endswith(".")
    shown = dict(zip(laid_out.outputs, laid_out.fitted(fit.usual, [("x", "x")]), strict=True))
    of = {name: shown[widget] for name, widget in laid_out.fields.items()}
    assert of["width"]["step"] == fit.multiple
    assert of["negative"]["visible"] == shown[laid_out.marks]["visible"] == fit.guidance.branches
    assert of["guidance"]["label"] == fit.guidance.label
    assert of["guidance"]["interactive"] == (kind != "distilled")
    assert fit.usual.sampler in [value for _, value in of["sampler"]["choices"]]
    assert shown[laid_out.unused]["visible"] == (not fit.guidance.branches)


def test_opening_a_folder_shows_it_among_the_choices(tiny_pipeline, laid_out, monkeypatch):
    folder = str(tiny_pipeline("sd15"))
    monkeypatch.setattr(serving, "opening_of", lambda text, lora="": iter_to(text, "Reading …"))
    work = chooser._opened(Recipe(), Shown(TEACHER), folder)
    sent = laid_out.updates(Recipe())
    first, last = chooser.answers(laid_out, Shown(TEACHER), sent, lambda: work)
    assert "Reading …" in first[-1]
    assert last[0] == Shown(folder, (folder,))
    assert last[0].then(folder, "few-steps").lora == "few-steps"
    assert last[0].then(FLOW).choices[-1] == ("sd15", folder)
    assert "sd15 is ready. " in last[-1]
    updates = dict(zip(laid_out.fields, last[1:-1], strict=False))
    assert updates["model"]["value"] == folder
    # What the model does not change is not set: it may have been typed while the model was opened.
    assert not any("value" in updates[name] for name in ("prompt", "negative", "seed"))


def test_a_built_in_lora_brings_what_it_was_made_for(monkeypatch):
    monkeypatch.setattr(serving, "opening_of", lambda text, lora="": iter_to(text))
    monkeypatch.setattr(serving, "opened", lambda model, lora="": None)
    recipe = Recipe(prompt="a cat", seed=9, lora="few-steps:0.9")
    ((made, line),) = chooser._opened(recipe, Shown(TEACHER), "")
    assert made == replace(recipe, sampler="lcm", steps=4, guidance=1)
    assert "With the LoRA few-steps:0.9. Guidance scale w 1 instead of 5, Sampler LCM" in line


def test_without_its_lora_a_model_draws_as_before(monkeypatch):
    monkeypatch.setattr(serving, "opening_of", lambda text, lora="": iter_to(text))
    monkeypatch.setattr(serving, "opened", lambda model, lora="": None)
    shown = Shown(TEACHER, lora="few-steps")
    recipe = Recipe(prompt="a cat", seed=9, sampler="lcm", steps=4, guidance=1)
    ((made, line),) = chooser._opened(recipe, shown, "")
    assert made == Recipe(prompt="a cat", seed=9)
    assert "Without a LoRA. Guidance scale w 5 instead of 1" in line
    ((made, _),) = chooser._opened(recipe, Shown(TEACHER, lora="/own.safetensors"), "")
    assert made == recipe  # what its maker meant is not known


def test_another_model_is_not_drawn_with_what_a_lora_brought(monkeypatch):
    monkeypatch.setattr(serving, "opened", lambda model, lora="": None)
    recipe = Recipe(model=STUDENT, lora="few-steps", sampler="lcm", steps=4, guidance=1)
    ((made, line),) = chooser._chosen(recipe, Shown(TEACHER, lora="few-steps"))
    assert (made.guidance, made.lora) == (5, "")
    assert "Guidance scale w 5 instead of 1" in line
    ((made, _),) = chooser._chosen(replace(recipe, guidance=3), Shown(TEACHER, lora="few-steps"))
    assert made.guidance == 3  # the visitor's own choice


def iter_to(value, *before):
    yield from before
    return value


@pytest.mark.parametrize("text", ["/no/such <b>folder</b>", "", None, 7])
def test_what_cannot_be_opened_is_a_sentence_and_the_model_stays(text, laid_out):
    shown = Shown(STUDENT)
    work = chooser._opened(Recipe(), shown, text)
    *_, last = chooser.answers(laid_out, shown, laid_out.updates(Recipe()), lambda: work)
    assert 'class="error"' in last[-1]
    assert "<b>" not in last[-1]
    values = dict(zip(laid_out.outputs, last[1:-1], strict=True))
    assert values.pop(laid_out.fields["model"])["value"] == STUDENT
    assert all(value == gr.skip() for value in values.values())


def test_where_others_can_reach_the_page_the_list_is_the_choice(monkeypatch):
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    monkeypatch.setenv("LATENT_PLAYGROUND_MODELS", "owner/name, /styles/ink.safetensors")
    found = built(lambda: chooser.build(Recipe()))
    assert [value for _, value in found.text.choices] == ["owner/name", "/styles/ink.safetensors"]
    assert [v for _, v in found.lora.choices] == ["", *loras.BUILT_IN, "/styles/ink.safetensors"]
    for model, lora in (("/etc", ""), (TEACHER, "/secret.safetensors")):
        with pytest.raises(ValueError, match="does not offer"):
            next(serving.opening_of(model, lora))
        with pytest.raises(ValueError, match="does not offer"):
            serving.session(model, lora)


def png(**texts) -> io.BytesIO:
    file, chunks = io.BytesIO(), PngInfo()
    for name, text in texts.items():
        chunks.add_text(name, text)
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=chunks)
    return file


def test_another_programs_settings_are_read_and_what_is_not_understood_is_listed():
    said = (
        "a cat\nNegative prompt: blurry\nSteps: 12, Sampler: Euler a, CFG scale: 7, Seed: 3, "
        "Size: 512x768, Model hash: 6ce0161689, Model: v1-5, Clip skip: 2"
    )
    recipe, line = arriving.of_png(png(parameters=said), Recipe())
    assert recipe == Recipe(
        prompt="a cat", negative="blurry", steps=12, sampler="euler_a", guidance=7, seed=3
    )
    assert "It was drawn by v1-5; this is Emoji world" in line
    assert "128×128 pixels instead of 512×768" in line
    assert line.endswith("Not understood: Clip skip: 2.")
    recipe, line = arriving.of_png(png(parameters=said), Recipe(model=STUDENT))
    assert (recipe.sampler, recipe.steps) == ("euler_a", 12)
    recipe, line = arriving.of_png(png(parameters=said), Recipe(model=FLOW, sampler="euler"))
    assert (recipe.model, recipe.sampler, recipe.steps) == (FLOW, "euler", 20)
    assert "Sampler Euler instead of Euler ancestral" in line


def test_our_own_picture_and_one_without_settings():
    file, recipe = io.BytesIO(), Recipe(prompt="x", model=STUDENT, sampler="lcm", steps=4)
    recipe.save_png(Image.new("RGB", (8, 8)), file)
    assert arriving.of_png(file, Recipe()) == (recipe, "")
    with pytest.raises(RecipeError, match="carries no recipe"):
        arriving.of_png(png(), Recipe())
    with pytest.raises(RecipeError, match="ComfyUI"):
        arriving.of_png(png(workflow="{}"), Recipe())
