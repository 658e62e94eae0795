"""Prompt-to-Prompt: the edited picture reads its source's attention, and nothing else changes."""

import numpy as np
import pytest
import torch
from diffusers.models.attention_processor import Attention

from playground.attention import editing
from playground.attention.editing import EditError, Plan
from playground.attention.record import Rewrite, record
from playground.diffusion.levels import Level
from playground.engine.events import Failure, Picture, Step
from playground.models.prompt import Condition
from playground.recipe import Recipe

SOURCE = Recipe(prompt="a red star and a cat", steps=3, width=96, height=64, guidance=4.0)
EDITED = Recipe.from_dict(SOURCE.to_dict() | {"prompt": "a blue star and a dog"})


def drawn(engine, recipes, plan, others=(), **options) -> tuple[list[Picture], list[list[Step]]]:
    runs = [engine.submit([recipe]) for recipe in others]
    events = list(engine.submit(recipes, plan=plan, **options))
    for run in runs:
        list(run)
    assert [e for e in events if isinstance(e, Failure)] == []
    pictures = sorted((e for e in events if isinstance(e, Picture)), key=lambda p: p.cell)
    return pictures, [[e for e in events if isinstance(e, Step) and e.cell == i] for i in (0, 1)]


def swap(tiny, share=1.0) -> Plan:
    return editing.swap(tiny.encode(SOURCE.prompt), tiny.encode(EDITED.prompt), share)


def same(prompt, weights=None) -> Plan:
    """Every token reads itself in the source."""
    count = len(prompt.ids)
    return Plan(torch.arange(count), torch.ones(count) if weights is None else weights, 1.0)


def prompt_to_prompt(source: torch.Tensor, own: torch.Tensor, plan: Plan) -> torch.Tensor:
    """The paper's Edit(M, M*) element by element."""
    new = own.clone()
    for j, a in enumerate(plan.source_of.tolist()):
        new[..., j] = plan.weights[j] * (own[..., j] if a < 0 else source[..., a])
    return new


def ask(model, latents, prompts) -> torch.Tensor:
    return model.predict(latents, [Level(0.5, 0.5, 501.0)] * 2, list(map(Condition, prompts)))


def by_hand(model, latents, prompts, plan):
    """A network call whose cross-attention is written out; row 1 reads row 0."""

    class Written:
        def __call__(
            self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None
        ):
            def split(tensor):
                return torch.stack(tensor.chunk(attn.heads, -1), 1)

            text = encoder_hidden_states
            q, k, v = (
                split(attn.to_q(hidden_states)),
                split(attn.to_k(text)),
                split(attn.to_v(text)),
            )
            weights = torch.softmax(q @ k.transpose(2, 3) / q.shape[3] ** 0.5, -1)
            weights[1] = prompt_to_prompt(weights[0], weights[1], plan)
            return attn.to_out[0](torch.cat((weights @ v).unbind(1), -1))

    layers = [m for m in model.unet.modules() if isinstance(m, Attention) and m.is_cross_attention]
    before = [layer.processor for layer in layers]
    try:
        for layer in layers:
            layer.set_processor(Written())
        return ask(model, latents, prompts)
    finally:
        for layer, processor in zip(layers, before, strict=True):
            layer.set_processor(processor)


@pytest.mark.parametrize("kind", ["swap", "refine", "reweight"])
def test_the_network_answers_as_the_paper_says(tiny, kind):
    source = tiny.encode(SOURCE.prompt)
    edited = tiny.encode("a red star and a small cat" if kind == "refine" else EDITED.prompt)
    if kind == "reweight":
        edited, plan = source, editing.reweight(source, {1: -2, 5: 3.0}, 1.0)
    else:
        plan = getattr(editing, kind)(source, edited, 1.0)
    latents = torch.randn(2, 4, 8, 12, generator=torch.Generator().manual_seed(1))
    rewrite = Rewrite((0, 1), lambda p: {1: plan.change(p[0], p[1], True)})
    plain = ask(tiny, latents, [source, edited])
    with record(tiny.unet, [], rewrite):
        found = ask(tiny, latents, [source, edited])
    expected = by_hand(tiny, latents, [source, edited], plan)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    assert torch.equal(found[0], plain[0])  # the source is untouched
    assert (found[1] - plain[1]).abs().max() > 1e-4


def test_an_edit_that_changes_nothing_gives_the_same_picture(tiny, engine):
    (source, edited), _ = drawn(engine, [SOURCE, SOURCE], same(tiny.encode(SOURCE.prompt)))
    np.testing.assert_allclose(source.latents, edited.latents, atol=5e-4)


def test_without_injection_both_pictures_are_the_plain_ones(tiny, engine):
    pictures, _ = drawn(engine, [SOURCE, EDITED], swap(tiny, share=0.0))
    for picture, recipe in zip(pictures, (SOURCE, EDITED), strict=True):
        np.testing.assert_allclose(picture.latents, engine.draw(recipe).latents, atol=1e-4)


def test_the_edited_row_is_recorded_as_it_was_used(tiny, engine):
    pictures, steps = drawn(engine, [SOURCE, EDITED], swap(tiny, 0.5), record=True)
    alike = [np.array_equal(a.maps[8, 12], b.maps[8, 12]) for a, b in zip(*steps, strict=True)]
    assert alike == [True, False, False]  # the middle of the second of three is not below 0.5
    assert not np.array_equal(pictures[0].latents, pictures[1].latents)


def test_the_same_edit_whatever_else_is_drawn(tiny, engine):
    """The edited row is like no other, also where words and noise are."""
    weights = torch.ones(77)
    weights[3] = 0.0
    plan = same(tiny.encode(SOURCE.prompt), weights)
    alone, _ = drawn(engine, [SOURCE, SOURCE], plan)
    crowd, _ = drawn(engine, [SOURCE, SOURCE], plan, others=[SOURCE] * 9 + [EDITED] * 9)
    for one, other in zip(alone, crowd, strict=True):
        np.testing.assert_allclose(one.latents, other.latents, atol=1e-4)
    assert abs(alone[0].latents - alone[1].latents).max() > 1e-4


def test_if_one_of_the_two_fails_both_end_and_others_go_on(tiny, engine, monkeypatch):
    predict = type(tiny).predict

    def failing(model, latents, at, conditions):
        if any(c.prompt.text == EDITED.prompt for c in conditions):
            raise ValueError("No such luck.")
        return predict(model, latents, at, conditions)

    monkeypatch.setattr(type(tiny), "predict", failing)
    other = engine.submit([SOURCE])
    ends = list(engine.submit([SOURCE, EDITED], plan=swap(tiny)))
    assert {e.reason for e in ends if isinstance(e, Failure)} == {"No such luck."}
    assert isinstance(list(other)[-1], Picture)


def test_refining_aligns_what_both_have(tiny):
    source, edited = tiny.encode("a cat and a star"), tiny.encode("a small cat and a red star")
    plan = editing.refine(source, edited, 0.8)
    # start a small cat and a red star end padding …
    assert plan.source_of.tolist()[:10] == [0, 1, -1, 2, 3, 4, -1, 5, 6, 7]
    assert plan.source_of.max() == 74
    assert [plan.injects(i, 10) for i in (0, 7, 8, 9)] == [True, True, False, False]


def test_words_are_swapped_where_they_stand(tiny):
    prompt = tiny.encode("a red cat, a red star")
    assert editing.swapped(prompt, "cat", "dog") == "a red dog, a red star"
    assert editing.swapped(prompt, "red", "blue", which=1) == "a red cat, a blue star"


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda p, _: editing.swapped(p, "dog", "cat"), "not in the prompt. Its words are: a, red"),
        (lambda p, _: editing.swapped(p, "a", "two"), "2 times: say which"),
        (lambda p, _: editing.swapped(p, "a", "two", 2), "2 times, not 3"),
        (lambda p, _: editing.swapped(p, "cat", " "), "Say which word"),
        (lambda p, e: editing.swap(p, e("a red star and a fox cat"), 1), "7, the prompt has 6"),
        (lambda p, e: editing.swap(p, e(SOURCE.prompt), 1), "words are the same"),
        (lambda p, e: editing.swap(p, e(EDITED.prompt), "all"), "a number from 0 to 1"),
        (lambda p, e: editing.refine(p, e("a star and a cat"), 1), "keeps all the words"),
        (lambda p, e: editing.refine(p, e(SOURCE.prompt), 1), "adds some"),
        (lambda p, _: editing.reweight(p, {1: "much"}, 1), "“red” must be a number from -3 to 3"),
        (lambda p, _: editing.reweight(p, {1: float("nan")}, 1), "a number from -3 to 3"),
        (lambda p, _: editing.reweight(p, {1: 4}, 1), "a number from -3 to 3"),
        (lambda p, _: editing.reweight(p, {9: 2}, 1), "no word number 9"),
        (lambda p, _: editing.reweight(p, {1: 1}, 1), "at least one word"),
    ],
)
def test_a_bad_edit_is_one_sentence_that_says_what_is_possible(tiny, ask, says):
    with pytest.raises(EditError, match=says):
        ask(tiny.encode(SOURCE.prompt), tiny.encode)


def test_nothing_remains_after_an_edit_is_cancelled(tiny, engine):
    def parts() -> list[int]:
        layers = [m for m in tiny.unet.modules() if isinstance(m, Attention)]
        return [id(layer.processor) for layer in layers] + [
            len(m._forward_pre_hooks) + len(m._forward_hooks) for m in tiny.unet.modules()
        ]

    before = parts()
    long = [Recipe.from_dict(r.to_dict() | {"steps": 100}) for r in (SOURCE, EDITED)]
    with engine.submit(long, plan=swap(tiny)) as run:
        assert isinstance(next(iter(run)), Step)
    if thread := engine._thread:
        thread.join(20)
    assert parts() == before


def test_a_small_batch_keeps_the_two_together(tiny, engine):
    """Two rows are allowed, both guided pictures need four: still one call for both."""
    engine.max_rows = 2
    _, steps = drawn(engine, [SOURCE, EDITED], swap(tiny), others=[SOURCE, EDITED])
    assert [len(part) for part in steps] == [3, 3]
