"""Word maps of SD3, Flux, Lumina2, Z-Image and Qwen-Image are where their words and pixels are."""

import numpy as np
import pytest
import torch
from joint import FAMILIES, TEXTS, recipe, row_inputs

from playground.attention.calls import Call, attention_calls
from playground.attention.layouts import layout_of
from playground.attention.record import Watched, record
from playground.diffusion.levels import flow
from playground.engine.engine import Engine
from playground.engine.events import Step
from playground.engine.local import LocalSession
from playground.engine.record import records
from playground.measuring.placed import by_token, listened, moved, unrefined

GRID = (6, 8)  # of 96 × 128 pixels
AT = flow(0.5, 500.0)
NAMES = [name for name in FAMILIES if name != "flux_schnell"]  # its network is Flux's


@pytest.mark.parametrize("name", NAMES)
def test_maps_sum_to_the_texts_share_of_the_softmax(name, joint_model):
    """Rows of texts of any lengths in one call; no image × image matrix is formed for it."""
    model = joint_model(name)
    latents, at, told = row_inputs(model)
    watched = [Watched(row, told[row].prompt.columns) for row in (2, 0)]
    with record(model.network, watched, calls=model.calls(told)) as recorder:
        outputs = model.predict(latents, at, told)
    assert torch.equal(outputs, model.predict(latents, at, told))
    calls: list[Call] = []
    with attention_calls(
        model.network, layout_of(model.network), lambda call, out: (calls.append(call), out)[1]
    ):
        model.predict(latents, at, told)
    for row, maps in zip((2, 0), recorder.maps(), strict=True):
        prompt = told[row].prompt
        share = torch.stack([by_token(c, len(prompt.ids), row).sum(-1).mean(0) for c in calls])
        found = maps[GRID].sum(0)
        torch.testing.assert_close(found, share.mean(0).view(GRID), atol=1e-5, rtol=0)
        assert 0.02 < found.min() < found.max() < 0.98
        assert maps.keys() == {GRID}
        assert len(maps[GRID]) == len(prompt.roles)
    assert len(recorder.layers[GRID]) == len(calls)


@pytest.mark.parametrize("name", NAMES)
def test_a_words_numbers_change_its_own_columns_alone(name, joint_model):
    """In the first layer the odds of all other tokens stay: so the text is where it is said to be,
    in its order. The word has tokens in each stream.
    """
    model = unrefined(joint_model(name))
    latents, _, told = row_inputs(model)
    prompt = told[2].prompt
    word = next(word for word in prompt.words if word.text == "house")
    own, others = moved(model, latents[:1], AT, prompt, word)
    assert own > 1e-3
    assert others < 1e-3
    assert set(prompt.columns[list(word.tokens)].tolist()) == set(word.columns)


@pytest.mark.parametrize("name", NAMES)
def test_a_patch_of_the_latents_changes_its_own_position_alone(name, joint_model):
    """In the first layer, of the odds between words: so the image is where it is said to be."""
    model = unrefined(joint_model(name))
    latents, _, told = row_inputs(model)
    other = latents[:1].clone()
    other[..., 4:6, 10:12] += 2.0  # row 2, column 5 of the grid
    odds = []
    for seen in (latents[:1], other):
        weights = by_token(listened(model, seen, AT, told[2])[0], len(told[2].prompt.ids))
        odds.append((weights / weights[..., :1]).log())
    shift = (odds[1] - odds[0]).abs().amax((0, 2)).view(GRID)
    assert shift[2, 5] > 1e-2
    shift[2, 5] = 0
    assert shift.max() < 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_company_does_not_change_maps(name, joint_model):
    model = joint_model(name)
    recipes = [recipe(model, prompt=text, steps=1 + (name == "qwen_image")) for text in TEXTS[:3]]
    engine = Engine(model)
    together: dict[int, Step] = {}
    for event in engine.submit(recipes, record=True):
        if isinstance(event, Step):
            together.setdefault(event.cell, event)
    for i, one in enumerate(recipes):
        alone = next(e for e in engine.submit([one], record=True) if isinstance(e, Step))
        np.testing.assert_allclose(together[i].maps[GRID], alone.maps[GRID], atol=1e-5)
    engine.stop()


@pytest.mark.parametrize(("name", "least", "most"), [("lumina2", 0.02, 0.98), ("tiny", 1, 1)])
def test_a_record_says_the_share_of_the_text(name, least, most, joint_model, tiny):
    model = tiny if name == "tiny" else joint_model(name)
    wanted = recipe(model, steps=2, guidance=1.0)
    session = LocalSession(Engine(model))
    *_, run = records(session, session.submit([wanted], record=True))
    for (h, w), share in run.text_shares().items():
        assert share.shape == (2, h, w)
        assert least - 1e-5 <= share.min() <= share.max() <= most + 1e-5
        masses = run.masses()[h, w].sum(1)  # the same, by what the tokens are
        np.testing.assert_allclose(share.mean((1, 2)), masses, atol=1e-5)
