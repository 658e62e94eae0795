"""The worked pixel: its numbers are the network's own."""

import pytest
import torch
from conftest import tiny_model
from diffusers.models.attention_processor import Attention
from torch import nn

from playground.attention.record import Watched, record
from playground.attention.worked import work_out
from playground.diffusion.levels import Level
from playground.engine.engine import Engine
from playground.engine.local import LocalSession
from playground.engine.record import records
from playground.models.prompt import Condition
from playground.page import serving
from playground.page.attention import runs
from playground.page.attention.look import look_of
from playground.recipe import Recipe

TIME = 501.0


@pytest.fixture
def latents() -> torch.Tensor:
    return torch.randn(1, 4, 8, 24, generator=torch.Generator().manual_seed(3))


@torch.inference_mode()
def test_the_weights_are_those_that_recording_finds(tiny, latents):
    prompt = tiny.encode("a red square")
    layers = work_out(tiny, latents, TIME, prompt, x=0.8, y=0.3)
    with record(tiny.unet, [Watched(0, prompt.columns)]) as recorder:
        tiny.predict(latents, [Level(0.5, 0.5, TIME)], [Condition(prompt)])
    (maps,) = recorder.maps()
    assert {layer.grid for layer in layers} == maps.keys()
    for (h, w), kept in maps.items():
        here = [layer for layer in layers if layer.grid == (h, w)]
        row, column = here[0].place
        assert (row, column) == (int(0.3 * h), int(0.8 * w))
        mean = torch.stack([layer.weights.mean(0) for layer in here]).mean(0)
        torch.testing.assert_close(mean, kept[:, row, column], atol=1e-5, rtol=0)


@torch.inference_mode()
def test_scores_weights_and_norms_belong_together(tiny, latents):
    for layer in work_out(tiny, latents, TIME, tiny.encode("a red square"), 0.1, 0.9):
        torch.testing.assert_close(layer.scores.softmax(-1), layer.weights, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(layer.weights.sum(-1), torch.ones(2), atol=1e-5, rtol=0)
        assert (
            layer.weights.shape == layer.moves.shape == (2, 6)
        )  # start, three words, end, padding
        assert (layer.moved <= layer.moves.sum(-1) + 1e-5).all()  # the triangle inequality
        assert layer.feature > 0


@torch.inference_mode()
def test_the_first_layer_written_out_by_hand(tiny, latents):
    """Two heads of four numbers: q, k, v from the weights, one position, token by token."""
    prompt, seen = tiny.encode("a red square"), {}
    name, layer = next(
        (n, m) for n, m in tiny.unet.named_modules() if isinstance(m, Attention) and "attn2" in n
    )
    handle = layer.register_forward_hook(
        lambda _, args, kwargs, out: seen.update(
            hidden=args[0], text=kwargs["encoder_hidden_states"], out=out
        ),
        with_kwargs=True,
    )
    found = work_out(tiny, latents, TIME, prompt, x=0.99, y=0.0)[0]
    handle.remove()
    assert name == found.name + ".attn2"
    query = seen["hidden"][0, 23] @ layer.to_q.weight.T
    keys, values = seen["text"][0] @ layer.to_k.weight.T, seen["text"][0] @ layer.to_v.weight.T
    for head, part in enumerate((slice(0, 4), slice(4, 8))):
        scores = [float(query[part] @ keys[j, part]) / 2 for j in range(77)]  # √4 = 2
        torch.testing.assert_close(
            found.scores[head, :5], torch.tensor(scores[:5]), atol=1e-5, rtol=1e-4
        )
        weights = torch.tensor(scores).softmax(0)
        moved = torch.stack([weights[j] * values[j, part] for j in range(77)])
        effect = moved @ layer.to_out[0].weight[:, part].T
        torch.testing.assert_close(
            found.moves[head, :5], effect[:5].norm(dim=1), atol=1e-6, rtol=1e-4
        )
        torch.testing.assert_close(
            found.moves[head, 5], effect[5:].sum(0).norm(), atol=1e-6, rtol=1e-4
        )
    assert found.total == pytest.approx(float(seen["out"][0, 23].norm()), rel=1e-4)


def test_a_network_that_takes_w_is_told_the_pictures(monkeypatch):
    """The weights at a position are those of the picture's own maps at that call."""
    student = tiny_model(time_cond_proj_dim=32)
    nn.init.normal_(student.unet.time_embedding.cond_proj.weight)
    engine = Engine(student)
    session, recipe = LocalSession(engine), Recipe(steps=3, width=64, height=64, guidance=8.0)
    monkeypatch.setattr(serving, "session", lambda *_: session)
    recording = session.submit([recipe], record=True, heads=True)
    *_, run = records(session, recording)
    engine.stop()
    layers = runs._worked(look_of(run, 1.0), 1, x=0.5, y=0.25)["layers"]
    for (h, w), kept in run.steps[1].maps.items():
        here = [torch.tensor(of["weights"]) for of in layers if (of["h"], of["w"]) == (h, w)]
        mean = torch.stack([weights.mean(0) for weights in here]).mean(0)
        at = torch.from_numpy(kept)[:, int(0.25 * h), int(0.5 * w)]
        torch.testing.assert_close(mean, at, atol=1e-4, rtol=0)
    asked = recipe.prompt, run.steps[1].latents, run.steps[1].level.t, 0.5, 0.25
    mine, other = (session.work_out(*asked, w)[0].weights for w in (8.0, 2.0))
    assert abs(mine - other).max() > 1e-3


def test_a_network_in_half_precision_is_worked_out_in_float32(latents):
    half = tiny_model()
    half.unet.bfloat16()
    layers = work_out(half, latents, TIME, half.encode("a red square"), 0.4, 0.4)
    assert {layer.weights.dtype for layer in layers} == {torch.float32}
    for layer in layers:
        torch.testing.assert_close(layer.weights.sum(-1), torch.ones(2), atol=1e-5, rtol=0)


def test_nothing_remains(tiny, latents):
    def hooks() -> int:
        modules = list(tiny.unet.modules())
        return sum(len(m._forward_pre_hooks) + len(m._forward_hooks) for m in modules)

    before = hooks()
    work_out(tiny, latents, TIME, tiny.encode("a cat"), 0.5, 0.5)
    with pytest.raises(RuntimeError):
        work_out(tiny, latents[:, :3], TIME, tiny.encode("a cat"), 0.5, 0.5)
    assert hooks() == before
