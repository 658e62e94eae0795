"""What a browser kept and what the page says of a picture, without a browser."""

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from playground.models import loras
from playground.page import page, panel
from playground.page.chooser import Shown
from playground.page.remembering import connecting, facts
from playground.page.studio.data import notes
from playground.recipe import FIELDS, Recipe, RecipeError

NAMES = ("prompt", "guidance", "steps", "seed", "sampler", "guidance_start", "guidance_stop")
SMALL = {"width": 64, "height": 64, "steps": 4}


def wanted(said) -> tuple[Recipe, str, dict]:
    return connecting.wanted_recipe(json.dumps(said), NAMES)


def test_a_link_and_fields_that_were_kept_are_filled_in():
    recipe = Recipe(prompt="a fox", guidance=3, seed=5)
    assert wanted({"link": recipe.to_query()}) == (recipe, "", {})
    fields = {name: getattr(recipe, name) for name in NAMES}
    assert wanted({"fields": fields}) == (recipe, "", fields)


def test_what_was_half_typed_comes_back_as_it_was():
    typed = {"prompt": "cat " * 100, "seed": 1.5, "steps": None, "guidance": 3}
    recipe, _, shown = wanted({"fields": typed})
    assert recipe == Recipe(guidance=3)  # what the model's widgets are laid out for
    assert shown == typed


def test_fields_that_exclude_each_other_come_back_too():
    recipe, _, shown = wanted({"fields": {"guidance_start": 0.9, "guidance_stop": 0.1}})
    assert recipe == Recipe(guidance_start=0.9)
    assert shown == {"guidance_start": 0.9, "guidance_stop": 0.1}


@pytest.mark.parametrize(
    "text",
    ["", "no json", "[]", "7", "{}", '{"fields": 3}', '{"link": null}', '{"link": "!"}', None,
     "[" * 100_000],
    ids=lambda text: repr(text)[:20],
)  # fmt: skip
def test_damage_is_one_sentence(text):
    with pytest.raises(RecipeError, match=r"^[A-Z].*\.$"):
        connecting.wanted_recipe(text, NAMES)


def test_what_no_widget_can_show_is_left_out():
    odd = {"prompt": ["a"], "guidance": True, "steps": "<b>", "unknown": 1}
    assert wanted({"fields": odd}) == (Recipe(), "", {})


@pytest.fixture(scope="module")
def built():
    """Built in a thread of its own, since Playwright's loop may run in ours."""

    async def build():
        return page.build()

    with ThreadPoolExecutor() as threads:
        return threads.submit(asyncio.run, build()).result()


def test_every_lens_that_shows_more_and_its_button_are_there(built):
    ids = {block.elem_id for block in built.blocks.values()}
    lenses = {lens.name for lens in page.LENSES}
    for lens, (view, button, _, _, fields) in facts.MORE.items():
        assert lens in lenses
        assert {view, button, f"of-{lens.lower()}"} <= ids
        assert set(fields) <= set(FIELDS)


@pytest.mark.parametrize(
    ("odd", "set_too"),
    [({"width": 512}, True), ({"steps": 0}, True), ({"model": "/no/such/folder"}, False)],
)
def test_typed_words_stay_whatever_stands_beside_them(built, odd, set_too):
    (button,) = (id for id, one in built.blocks.items() if one.elem_id == "remember-fill")
    (fill,) = (fn for fn in built.fns.values() if (button, "click") in fn.targets and fn.fn)
    text = json.dumps({"fields": {"prompt": "my words"} | odd})
    *_, updates = fill.fn(Shown("emoji-world"), text)
    shown = {one.elem_id: update for one, update in zip(fill.outputs, updates, strict=True)}
    assert shown["recipe-prompt"]["value"] == "my words"
    ((name, value),) = odd.items()
    assert (shown[f"recipe-{name}"].get("value") == value) == set_too
    assert ('class="error"' in updates[-1]) != set_too


def test_the_script_has_all_its_parts_and_knows_the_fields():
    written = {file.stem for file in (connecting.HERE / "browser").glob("*.js")}
    assert written == set(connecting.SCRIPTS)
    script = connecting.script(["prompt", "guidance"])
    known = json.loads(re.search(r"const FACTS = (.*);\n", script)[1])
    assert known["fields"]["guidance"]["short"] == "w"
    assert known["usual"]["emoji-world"]["steps"] == Recipe().steps
    assert known["hidden"] == list(panel.MORE)
    assert known["stamp"] == facts.stamp()


def said(session, **changes) -> list[str]:
    recipe = Recipe(**SMALL | {"prompt": "a cat"} | changes)
    return notes(recipe, *(session.describe(text) for text in (recipe.prompt, recipe.negative)))


def test_negative_words_without_guidance_by_words_are_said(session):
    drawn = "At w = 0 the negative words are drawn."
    assert drawn in said(session, guidance=0, negative="a dog")
    assert drawn not in said(session, guidance=0)
    alone = said(session, prompt="", negative="a dog")
    assert "No words, but negative ones: the picture moves away from them." in alone
    assert not any("unconditional" in note for note in alone)
    unguided = said(session, prompt="", negative="a dog", guidance=0)
    assert drawn in unguided
    assert not any("moves" in note for note in unguided)
    assert any(
        "towards them" in n for n in said(session, prompt="", negative="a dog", guidance=0.5)
    )
    assert any("unconditional" in note for note in said(session, prompt=""))


def test_what_a_lora_was_not_made_for_is_said(session):
    note = "The LoRA few-steps was made for other settings: Guidance scale w 1 instead of 5,"
    assert any(one.startswith(note) for one in said(session, lora="few-steps"))
    made_for = loras.settings("few-steps")
    assert not any("LoRA" in one for one in said(session, lora="few-steps", **made_for))


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"guidance_stop": 0.5}, "w = 5 in steps 1 to 2 of 4; elsewhere w = 1."),
        ({"guidance_start": 0.8}, "w = 5 in step 4 of 4; elsewhere w = 1."),
        ({"guidance": 0, "guidance_stop": 0.5},
         "w = 0 in steps 1 to 2 of 4; elsewhere w = 1. Where w = 0, no words are read."),
        ({"guidance_start": 0.4, "guidance_stop": 0.6},
         "Guidance from 0.4 until 0.6 holds none of the 4 steps: w = 1 in all."),
    ],
)  # fmt: skip
def test_an_interval_of_guidance_is_said(fields, note, session):
    assert note in said(session, **fields)
    assert not any("of 4" in one for one in said(session))
