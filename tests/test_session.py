"""A session: what may be asked of a model, from a page, a script or a server."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from playground.diffusion import reference
from playground.engine.events import Picture, Step, Task
from playground.engine.local import LocalSession
from playground.engine.record import RunRecord, records
from playground.engine.session import Edit
from playground.engine.sessions import Sessions
from playground.recipe import Recipe, RecipeError

SMALL = {"steps": 3, "width": 64, "height": 64}


@pytest.fixture
def mine(engine) -> LocalSession:
    return LocalSession(engine)


def test_events_are_plain_arrays(mine):
    """A page, a file or another machine can read them without torch."""
    *steps, picture = mine.submit([Recipe(**SMALL)], record=True, heads=True)
    arrays = [picture.image, picture.latents, *(step.preview for step in steps)]
    for step in steps:
        arrays += [step.latents, *step.clean.values(), *step.maps.values()]
        arrays += [h.codes for grids in step.heads.values() for h in grids.values()]
    assert {type(array) for array in arrays} == {np.ndarray}
    assert all(step.preview.dtype == np.uint8 for step in steps)


def test_a_prompt_is_described_as_the_model_reads_it(mine):
    facts, prompt = mine.describe("a zebra, a cat"), mine.model.encode("a zebra, a cat")
    assert [w.text for w in facts.words] == ["a", "zebra", "a", "cat"]
    assert facts.content == prompt.content == 5  # the comma is a token too
    assert facts.roles == ("start", *["content"] * 5, "end", "padding")
    np.testing.assert_array_equal(facts.embeds, prompt.embeds[0].numpy())


def test_a_price_is_what_is_then_computed(mine):
    """Different words and seeds, so that no two rows are equal."""
    recipes = [
        Recipe(**SMALL, prompt="a cat", seed=1),
        Recipe(**SMALL, prompt="a dog", seed=2, guidance=1.0, sampler="heun"),
        Recipe(**SMALL, prompt="an owl", seed=3, sampler="pndm", guidance_stop=0.5),
    ]
    price = mine.price(recipes)
    pictures = [e for e in mine.submit(recipes) if isinstance(e, Picture)]
    assert price.calls == sum(p.calls for p in pictures)
    assert price.rows == sum(p.rows for p in pictures)
    assert mine.price(recipes).seconds > 0
    assert mine.price([]).seconds == 0


def test_an_exact_solution_and_a_long_run_are_priced_like_others(mine):
    exact, long = Task(Recipe(**SMALL, guidance=1.0), exact=1.0), Task(Recipe(), steps=1000)
    assert mine.price([exact]).calls == reference.calls()
    assert (mine.price([long]).calls, mine.price([long]).rows) == (1000, 2000)


@pytest.mark.slow
def test_an_exact_solution_is_where_many_small_steps_lead(mine):
    """Euler's error falls with the step: 400 calls are nearer to the solution than 50."""
    recipe = Recipe(**SMALL | {"guidance": 2.0}, sampler="euler", prompt="a cat")
    tasks = [Task(recipe, exact=reference.start_scale("euler", mine.facts.scheduler_config))]
    tasks += [Task(recipe, steps=50), Task(recipe, steps=400)]
    solved, few, many = sorted(
        (e for e in mine.submit(tasks) if isinstance(e, Picture)), key=lambda p: p.cell
    )
    away = [float(np.abs(p.latents - solved.latents).mean()) for p in (few, many)]
    assert away[1] < away[0] / 3
    assert solved.exact.bound < away[0]


def test_an_edit_is_planned_and_drawn(mine):
    source = Recipe(**SMALL, prompt="a cat on the grass")
    edit = Edit("swap", share=1.0, word="cat", by="dog")
    plan = mine.plan(source, edit)
    assert plan.recipe == replace(source, prompt="a dog on the grass")
    assert plan.touched == ([1], [1])
    with mine.submit([source], edit=edit, record=True) as run:
        pictures = [e for e in run if isinstance(e, Picture)]
    assert [p.recipe for p in sorted(pictures, key=lambda p: p.cell)] == [
        source, plan.recipe, plan.recipe,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (Edit("rotate", 1.0), "no edit 'rotate'; there are: swap, refine, reweight"),
        (Edit("swap", 1.0, word="owl", by="dog"), "“owl” is not in the prompt"),
        (Edit("swap", 2.0, word="cat", by="dog"), "from 0 to 1"),
        (Edit("refine", 1.0, prompt="a dog"), "keeps all the words"),
    ],
)
def test_what_cannot_be_edited_is_said_before_anything_is_drawn(edit, said, mine):
    with pytest.raises(ValueError, match=said):
        mine.submit([Recipe(**SMALL, prompt="a cat")], edit=edit)


def test_at_w_0_there_is_no_attention_to_edit(mine):
    with pytest.raises(ValueError, match="At w = 0 the words are not read"):
        mine.plan(Recipe(guidance=0.0), Edit("swap", 1.0, word="cat", by="dog"))


def test_decoding_and_encoding_are_the_autoencoders(mine):
    latents = mine.noise(5, 64, 96)
    assert latents.shape == (4, 8, 12)
    expected = torch.randn(1, 4, 8, 12, generator=torch.Generator().manual_seed(5))
    np.testing.assert_array_equal(latents, expected[0])
    pictures = mine.decode(latents[None])
    np.testing.assert_array_equal(pictures, mine.model.decode(expected))
    assert mine.encode(pictures[0]).shape == latents.shape


def test_a_record_is_what_the_run_was(mine):
    recipe = Recipe(**SMALL, prompt="two red stars", negative="a cat")
    events = list(records(mine, mine.submit([recipe], record=True)))
    assert [type(e) for e in events] == [Step] * 3 + [RunRecord]
    record = events[-1]
    assert (record.recipe, record.prompt.text) == (recipe, recipe.prompt)
    assert record.prompts["uncond"].text == "a cat"
    assert record.timesteps == [step.level.t for step in events[:-1]]
    for size, shares in record.shares().items():
        assert shares.shape == (3, 3, *size)
        np.testing.assert_allclose(shares.sum(1), 1, atol=1e-5)
        np.testing.assert_allclose(record.masses()[size].sum(1), 1, atol=1e-4)
    colours = record.colours(record.steps[0].clean["guided"])
    shown = np.round((np.clip(colours, -1, 1) + 1) * 127.5)
    assert np.abs(shown - record.previews[0]).max() <= 1


def test_a_run_without_words_has_no_maps(mine):
    for recipe in (Recipe(**SMALL, prompt=""), Recipe(**SMALL, guidance=0.0)):
        *_, record = records(mine, mine.submit([recipe], record=True))
        assert (record.shares(), record.masses()) == ({}, {})


def test_a_side_that_the_model_cannot_draw_is_refused(mine):
    with pytest.raises(RecipeError, match="multiples of 8"):
        mine.submit([Recipe(width=64), bad()])


def bad() -> Recipe:
    recipe = Recipe(width=64)
    object.__setattr__(recipe, "width", 84)
    return recipe


class Opener:
    """Opens sessions when it is let: one event a name."""

    def __init__(self, *names):
        self.let = {name: threading.Event() for name in names}
        self.opened, self.begun = [], {name: threading.Event() for name in names}

    def __call__(self, name, *_):
        self.begun[name].set()
        assert self.let[name].wait(30)
        self.opened.append(name)
        return f"session of {name}"


def test_an_open_session_is_that_models_and_no_others():
    opener = Opener("a", "b")
    opener.let["a"].set()
    sessions = Sessions(opener)
    assert sessions.opened("a") is None
    assert sessions.get("a") == sessions.get("a") == "session of a"
    assert sessions.opened("a") == "session of a"
    assert sessions.opened("b") is None
    assert opener.opened == ["a"]


def test_loading_one_model_holds_up_nobody_who_wants_another():
    opener = Opener("slow", "fast")
    sessions = Sessions(opener)
    loading = threading.Thread(target=sessions.get, args=["slow"])
    loading.start()
    assert opener.begun["slow"].wait(30)
    opener.let["fast"].set()
    assert sessions.get("fast") == "session of fast"  # while the other still loads
    assert sessions.opened("slow") is None
    opener.let["slow"].set()
    loading.join(30)
    assert opener.opened == ["fast", "slow"]


def test_who_asks_twice_at_once_waits_for_one_loading():
    opener = Opener("a")
    sessions, found = Sessions(opener), []
    threads = [threading.Thread(target=lambda: found.append(sessions.get("a"))) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert opener.begun["a"].wait(30)
    opener.let["a"].set()
    for thread in threads:
        thread.join(30)
    assert (opener.opened, found) == (["a"], ["session of a"] * 5)


def test_a_model_that_cannot_be_loaded_is_tried_again():
    tries = []

    def opener(name, *_):
        tries.append(name)
        if len(tries) == 1:
            raise OSError("a damaged file")
        return name

    sessions = Sessions(opener)
    with pytest.raises(OSError, match="damaged"):
        sessions.get("a")
    assert sessions.opened("a") is None
    assert sessions.get("a") == "a"
