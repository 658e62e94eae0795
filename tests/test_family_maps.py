"""Words, word maps and edits of families that read words by cross-attention."""

import dataclasses

import numpy as np
import pytest
import torch
from cross import READS, SMALL, WORDS, same

from playground.attention.calls import attention_calls
from playground.attention.layouts import UnreadableAttentionError, layout_of
from playground.attention.worked import work_out
from playground.diffusion.levels import Level
from playground.engine.engine import Engine
from playground.engine.events import Picture, Step
from playground.engine.local import LocalSession
from playground.engine.session import Edit
from playground.models.prompt import CONTENT, END, PADDING, START, Condition
from playground.recipe import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")
GRIDS = [(12, 16), (6, 8), (3, 4), (2, 2)]  # of 96 × 128, halved with rounding up
LONG = " ".join(["cat"] * 400)


# ---- maps ----------------------------------------------------------------------------------------
def keys_of(model, prompt) -> dict[str, torch.Tensor]:
    """By layer, the keys [heads, tokens, d] that image positions attend to."""
    found = {}

    def listen(call, output):
        assert not call.joint
        found[call.name] = call.key[0]
        return output

    with attention_calls(model.network, layout_of(model.network), listen):
        model.predict(torch.zeros(1, 4, 12, 16), [Level(0.5, 0.5, 500.0)], [Condition(prompt)])
    return found


@pytest.mark.parametrize("family", READS)
def test_a_words_embeds_are_the_keys_of_its_own_columns(family, both):
    """Text encoders mix words, so the embeds are changed, not the words."""
    model = both(family).model
    prompt = dataclasses.replace(model.encode(WORDS), projections={})
    before = keys_of(model, prompt)
    for word in prompt.words[4:7]:
        embeds = prompt.embeds.clone()
        embeds[0, list(word.tokens)] += 1.0 + torch.arange(embeds.shape[2]) % 3
        after = keys_of(model, dataclasses.replace(prompt, embeds=embeds))
        for name, keys in before.items():
            changed = (keys != after[name]).any(2).any(0).nonzero()[:, 0].tolist()
            assert changed == list(word.tokens)
        assert prompt.columns[list(word.tokens)].tolist() == list(word.columns)


@pytest.mark.parametrize("family", READS)
def test_probabilities_of_all_columns_sum_to_one_and_recording_changes_nothing(family, both):
    picture = both(family).draw()
    *steps, last = Engine(both(family).model).submit([picture.recipe], record=True, heads=True)
    assert np.array_equal(last.latents, picture.latents)
    roles = both(family).model.encode(WORDS).roles
    for step in steps:
        for (h, w), found in step.maps.items():
            assert (h, w) in GRIDS
            assert found.shape == (len(roles), h, w)
            np.testing.assert_allclose(found.sum(0), 1, atol=1e-4)
            if family in ("pixart", "sana"):  # padding is masked
                assert found[roles.index(PADDING)].max() < 1e-6


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_one_position_is_worked_out(family, both):
    model = both(family).model
    layers = work_out(model, torch.zeros(1, 4, 12, 16), 500.0, model.encode(WORDS), 0.5, 0.5)
    assert [layer.name + ".attn2" for layer in layers] == list(keys_of(model, model.encode(WORDS)))
    for layer in layers:
        torch.testing.assert_close(layer.weights.sum(1), torch.ones(len(layer.weights)))


def test_a_transformers_position_is_not_worked_out(both):
    model = both("pixart").model
    with pytest.raises(UnreadableAttentionError, match=r"\.$"):
        work_out(model, torch.zeros(1, 4, 12, 16), 500.0, model.encode(WORDS), 0.5, 0.5)


# ---- words ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("family", "start", "end", "most"),
    [("sd15", 1, 1, 75), ("sdxl", 1, 1, 75), ("pixart", 0, 1, None), ("sana", None, 0, None)],
)
def test_words_are_the_prompts_own(family, start, end, most, both):
    model = both(family).model
    prompt = model.encode("  The DOG, a cat and  the dog; İstanbul 猫")
    assert [w.text for w in prompt.words] == [
        "The", "DOG", "a", "cat", "and", "the", "dog", "İstanbul", "猫",
    ]  # fmt: skip
    assert all(prompt.text[w.start : w.end] == w.text and w.tokens for w in prompt.words)
    tokens = [token for word in prompt.words for token in word.tokens]
    assert len(set(tokens)) == len(tokens)  # repeated words have tokens of their own
    (stream,) = prompt.streams
    assert all(stream.roles[token] == CONTENT for token in tokens)
    assert start in (None, stream.roles.count(START))  # Sana's: also the end of its instruction
    assert stream.roles.count(END) == end
    assert prompt.embeds.shape[1] == len(prompt.ids)
    long = model.encode(LONG)
    assert [w.text for w in long.words] + list(long.cut) == ["cat"] * 400
    assert len(long.cut) >= 90
    assert most in (None, len(long.words))
    assert max(token for word in long.words for token in word.tokens) < len(long.ids)


def test_no_word_is_unknown_to_clip(both):
    """Its unknown token is its end token; T5 has an unknown token."""
    assert all(word.known for word in both("sd15").model.encode("zyxw ç 猫").words)
    assert not all(word.known for word in both("pixart").model.encode("a 猫").words)


@pytest.mark.parametrize("family", READS)
def test_what_looks_like_a_special_token_is_drawn(family, both):
    texts = ("<|endoftext|>", "a <|startoftext|> cat", "<pad></s><bos>", "\t\n", "")
    recipes = [Recipe(text, sampler="euler", **SMALL | {"steps": 1}) for text in texts]
    events = Engine(both(family).model).submit(recipes, record=True)
    assert sum(isinstance(event, Picture) for event in events) == len(texts)


# ---- edits ---------------------------------------------------------------------------------------
def edited(one, edit: Edit) -> tuple[list[list[Step]], list[Picture]]:
    """Steps and picture of the source, and of what was edited."""
    session = LocalSession(Engine(one.model))
    events = list(session.submit([one.recipe()], edit=edit, record=True))
    steps = [[e for e in events if isinstance(e, Step) and e.cell == i] for i in (0, 1)]
    pictures = sorted((e for e in events if isinstance(e, Picture)), key=lambda e: e.cell)
    return steps, pictures[:2]


@pytest.mark.parametrize("family", ["sd15", "sdxl", "pixart"])
def test_a_swapped_word_takes_the_attention_of_the_word_before(family, both):
    """Prompt-to-Prompt with the source's attention in all steps: Hertz et al. 2022, section 3.2."""
    one = both(family)
    steps, (first, second) = edited(one, Edit("swap", 1.0, word="dog", which=0, by="a"))
    for source, changed in zip(*steps, strict=True):
        for size, found in source.maps.items():
            np.testing.assert_allclose(changed.maps[size], found, atol=1e-6)
    same(first.latents, one.draw().latents)  # the source is drawn as without an edit
    assert second.recipe.prompt == WORDS.replace("dog", "a", 1)
    for other in (first, one.draw(prompt=second.recipe.prompt)):
        assert np.abs(second.latents - other.latents).max() > 1e-3 * other.latents.std()


@pytest.mark.parametrize("family", ["sd15", "sdxl", "pixart"])
@pytest.mark.parametrize(
    "edit",
    [Edit("refine", 0.5, prompt=WORDS + " in the snow"), Edit("reweight", 1.0, weights={4: 3.0})],
    ids=lambda edit: edit.kind,
)
def test_added_and_weighted_words(family, edit, both):
    plain = both(family).draw().latents
    _, (first, second) = edited(both(family), edit)
    same(first.latents, plain)
    assert np.abs(second.latents - plain).max() > 1e-3 * plain.std()
