r"""Weights in a prompt: (cat:1.3) multiplies the attention to a word, and changes nothing else."""

import numpy as np
import pytest
import torch

from playground import weighting
from playground.attention import editing
from playground.engine.engine import Engine
from playground.engine.events import Picture
from playground.page.attention import runs
from playground.page.studio.data import notes
from playground.recipe import Recipe, RecipeError

READ = {  # as typed: what the text encoder reads, and what is weighted
    "a cat": ("a cat", []),
    "a (cat:1.3)": ("a cat", [("cat", 1.3)]),
    "a (cat:1,3)": ("a cat", [("cat", 1.3)]),
    "a (cat : .5 ) here": ("a cat here", [("cat", 0.5)]),
    "(a top hat:-2) on (a cat:2)": ("a top hat on a cat", [("a top hat", -2), ("a cat", 2)]),
    "((a cat:2) here:0.5)": ("a cat here", [(" here", 0.5)]),
    "((cat:1.5):2)": ("cat", [("cat", 3)]),
    "a (small cat)": ("a (small cat)", []),
    "a (small (cat:2))": ("a (small cat)", [("cat", 2)]),
    r"a \(cat:1.3\)": ("a (cat:1.3)", []),
    r"(a \(very\) small cat:2)": ("a (very) small cat", [("a (very) small cat", 2)]),
    "a cat:1.3)": ("a cat:1.3)", []),
    "a (cat:1.3": ("a (cat:1.3", []),
    "(:1.3)": ("(:1.3)", []),
    "(cat:dog)": ("(cat:dog)", []),
    "(cat:１.３)": ("(cat:１.３)", []),
    "[cat:1.3]": ("[cat:1.3]", []),
    "a \\ b \\": ("a \\ b \\", []),
    "(猫:2)🦊": ("猫🦊", [("猫", 2)]),
    "": ("", []),
}
SMALL = {"steps": 2, "width": 64, "height": 64, "guidance": 4.0, "seed": 3}


@pytest.mark.parametrize("typed", READ)
def test_what_brackets_mean(typed):
    said = weighting.read(typed)
    assert (said.text, said.parts()) == READ[typed]
    assert "".join(typed[place] for place in said.places) == said.text


@pytest.mark.parametrize("typed", ["(cat:3.1)", "(cat:-4)", "((cat:2):2)", "(cat:999999999)"])
def test_a_weight_that_is_too_large_is_one_sentence(typed):
    with pytest.raises(RecipeError, match="between −3 and 3") as caught:
        weighting.read(typed)
    assert str(caught.value).endswith(r"written \( and \).")
    assert weighting.plain(typed) == typed


def test_weights_are_those_of_the_tokens_and_words_stand_where_they_were_typed(tiny):
    typed = "a (top hat:1.3), two (cats:0.5)"
    prompt, plain = tiny.encode(typed), tiny.encode("a top hat, two cats")
    assert prompt.ids == plain.ids
    assert torch.equal(prompt.embeds, plain.embeds)
    assert [typed[w.start : w.end] for w in prompt.words] == ["a", "top", "hat", "two", "cats"]
    assert [w.tokens for w in prompt.words] == [w.tokens for w in plain.words]
    #            start a  top  hat  ,  two cats end
    expected = [1, 1, 1.3, 1.3, 1, 1, 0.5, 1]
    assert prompt.weights[:8].tolist() == pytest.approx(expected)
    assert (prompt.weights[8:] == 1).all()
    assert plain.weights is None
    assert tiny.encode(r"\(a cat\)").weights is None


def test_a_weighted_prompt_draws_what_re_weighting_draws(tiny, engine):
    """The same as Prompt-to-Prompt's re-weight, which is tested against the paper."""
    source = Recipe(prompt="a red star", **SMALL)
    plan = editing.reweight(tiny.encode(source.prompt), {1: -2.0, 2: 2.5}, 0.0)
    edit = engine.submit([source, source], plan=plan)
    pictures = {e.cell: e for e in edit if isinstance(e, Picture)}
    drawn = engine.draw(Recipe(prompt="a (red:-2) (star:2.5)", **SMALL))
    np.testing.assert_allclose(drawn.latents, pictures[1].latents, atol=1e-4)
    assert np.abs(drawn.latents - pictures[0].latents).max() > 1e-3
    others = [Recipe(prompt="a red star", **SMALL), Recipe(prompt="a (red:1) star", **SMALL)]
    for other in others:
        np.testing.assert_allclose(engine.draw(other).latents, pictures[0].latents, atol=1e-4)


def test_weights_beside_others_and_in_the_negative_words(engine):
    """The same whatever else is in the batch; words of either branch may be weighted."""
    recipes = [
        Recipe(prompt="a (cat:2)", **SMALL),
        Recipe(prompt="a cat", negative="(red:2.5) star", **SMALL),
        Recipe(prompt="a cat", negative="red star", **SMALL),
        Recipe(prompt="a cat", **SMALL),
    ]
    run = engine.submit(recipes)
    together = {e.cell: e.latents for e in run if isinstance(e, Picture)}
    for number, recipe in enumerate(recipes):
        np.testing.assert_allclose(engine.draw(recipe).latents, together[number], atol=1e-4)
    assert np.abs(together[0] - together[3]).max() > 1e-4
    assert np.abs(together[1] - together[2]).max() > 1e-4


def test_what_is_recorded_is_what_was_used(session):
    *steps, _ = session.submit([Recipe(prompt="a (cat:2)", **SMALL)], record=True)
    *plain, _ = session.submit([Recipe(prompt="a cat", **SMALL)], record=True)
    for size, maps in steps[0].maps.items():
        # Later layers see what earlier ones have changed, so it is a little more than a factor.
        np.testing.assert_allclose(maps[2], 2 * plain[0].maps[size][2], rtol=0.03)
        np.testing.assert_allclose(maps[1], plain[0].maps[size][1], rtol=0.03)


def test_where_words_and_image_attend_to_each_other_weights_are_refused(joint_model):
    engine = Engine(joint_model("sd3"))
    with pytest.raises(RecipeError, match="so leave weights out"):
        engine.submit([Recipe(prompt="a (cat:2)", **SMALL | {"sampler": "euler"})])


def test_the_oracle_does_not_read_a_weight_as_a_number():
    from playground.world import asked

    assert asked.read("a (cat:2) on the grass") == asked.read("a cat on the grass")


def test_the_studio_says_what_is_weighted(session):
    recipe = Recipe(prompt="a (top hat:1.5) and a (cat:-1)", **SMALL)
    said = [session.describe(text) for text in (recipe.prompt, "")]
    assert "Attention to words is multiplied: “top hat” × 1.5, “cat” × -1." in notes(recipe, *said)


def test_a_position_of_a_weighted_prompt_is_not_worked_out(session):
    recipe = Recipe(prompt="a (cat:2)", **SMALL)
    ask = {"link": recipe.to_query(), "step": 0, "x": 0.5, "y": 0.5}
    with pytest.raises(ValueError, match="after the softmax"):
        next(runs.place(ask, None))
