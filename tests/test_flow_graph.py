"""The graphs of the flow model and of networks that take w say what PyTorch says."""

import json

import pytest
import torch
from conftest import tiny_model
from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel
from graphs import Off
from torch import nn

from playground.attention.record import Watched
from playground.diffusion.guidance import EMBEDDED
from playground.diffusion.levels import Level
from playground.engine import backends
from playground.engine.backends import onnx as onnx_backend
from playground.engine.backends.joint_graph import JointGraph
from playground.engine.engine import Engine
from playground.models.families.joint import SHORT, JointModel
from playground.models.prompt import Condition, word_columns
from playground.recipe import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")

LONG = "two red stars in the snow " * 8
SHORT_TEXTS = ("", "a cat", "an owl wearing a crown")
CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def flow_model(tiny, **options) -> JointModel:
    """A small real transformer, none of whose parts is 0 or 1, beside the small model's others."""
    torch.manual_seed(0)
    width = tiny.text_encoder.config.hidden_size
    usual = {
        "sample_size": 16, "patch_size": 2, "in_channels": 4, "out_channels": 4, "num_layers": 3,
        "attention_head_dim": 8, "num_attention_heads": 2, "joint_attention_dim": width,
        "caption_projection_dim": 16, "pooled_projection_dim": width, "pos_embed_max_size": 16,
        "qk_norm": "rms_norm",
    }  # fmt: skip
    network = SD3Transformer2DModel(**usual | options)
    for weights in network.parameters():
        nn.init.normal_(weights, 0.2 if weights.ndim == 1 else 0.0, 0.15)
    network.eval().requires_grad_(False)
    config = json.loads(FlowMatchEulerDiscreteScheduler(shift=1.0).to_json_string())
    parts = tiny.vae, tiny.text_encoder, tiny.tokenizer
    return JointModel("flow", *parts, network, config, tiny.preview_map)


@pytest.fixture(scope="module")
def flow(tiny) -> JointModel:
    return flow_model(tiny)


@pytest.fixture(scope="module")
def onnx(flow) -> backends.Onnx:
    return prepared(flow)


def prepared(model) -> backends.Onnx:
    found = backends.get("onnx").make(model)
    found.prepare()
    assert found.label == "ONNX Runtime"  # a graph that is off is not used
    return found


def question(model, texts, size=(16, 16)) -> tuple:
    """A row of each text, each with latents, a level and a w of its own."""
    generator = torch.Generator().manual_seed(len(texts))
    latents = torch.randn(len(texts), 4, *size, generator=generator)
    times = torch.linspace(20, 980, len(texts)).tolist()
    return (
        latents,
        [Level(0.5, 0.5, t) for t in times],
        [Condition(model.encode(text), 1.5 + i) for i, text in enumerate(texts)],
    )


def both(model, onnx, asked, watched=()):
    mine, theirs = (one.ask(*asked, watched) for one in (onnx, backends.Eager(model)))
    assert (mine.by, theirs.by) == ("ONNX Runtime", "PyTorch")
    assert theirs.outputs.std() > 0.1  # else nothing was compared
    torch.testing.assert_close(mine.outputs, theirs.outputs, **CLOSE)
    return mine.recorder, theirs.recorder


@pytest.mark.parametrize("size", [(8, 8), (16, 16), (12, 20), (32, 32)], ids=str)
@pytest.mark.parametrize("texts", [
    ("a cat",), (LONG,), ("", LONG), (*SHORT_TEXTS, LONG) * 2 + ("a dog",),
], ids=len)  # fmt: skip
def test_the_flow_graph_predicts_and_records_what_pytorch_does(texts, size, flow, onnx):
    """Rows with long and short texts, of any number and size, in one question."""
    asked = question(flow, texts, size)
    watched = [Watched(i, c.prompt.columns) for i, c in enumerate(asked[2])]
    mine, theirs = both(flow, onnx, asked, watched)
    grid = (size[0] // 2, size[1] // 2)
    assert (
        mine.layers == theirs.layers == {grid: [f"transformer_blocks.{i}.attn" for i in range(3)]}
    )
    for ours, other in zip(mine.maps(), theirs.maps(), strict=True):
        torch.testing.assert_close(ours, other, **CLOSE)
        share = ours[grid].sum(0)
        assert share.min() > 0.05
        assert share.max() < 0.95  # the rest goes to the image


def test_the_lengths_are_those_that_the_family_has(flow):
    assert [flow.encode(t).embeds.shape[1] for t in ("a cat", LONG)] == [SHORT, 77]


def test_the_flow_graph_records_every_head(flow, onnx):
    asked = question(flow, ("", "a cat", LONG))
    prompts = [condition.prompt for condition in asked[2]]
    watched = [Watched(1, prompts[1].columns)]
    watched += [Watched(row, prompts[row].columns, word_columns(prompts[row])) for row in (1, 2)]
    mine, theirs = both(flow, onnx, asked, watched)
    assert mine.heads()[0] is theirs.heads()[0] is None
    for ours, other in zip(mine.heads()[1:], theirs.heads()[1:], strict=True):
        assert ours.keys() == other.keys() == {(8, 8)}
        assert ours[8, 8].layers == other[8, 8].layers
        assert other[8, 8].codes.shape[0] == 3 * 2  # layers, heads
        off = ours[8, 8].codes.int() - other[8, 8].codes.int()
        assert off.abs().max() <= 1  # of 255: a code may round the other way


@pytest.mark.parametrize("options", [{"qk_norm": None}, {"dual_attention_layers": (0, 1)}], ids=str)
def test_other_transformers_of_this_class_have_graphs_too(options, tiny):
    model = flow_model(tiny, **options)
    asked = question(model, ("", LONG))
    watched = [Watched(1, asked[2][1].prompt.columns)]
    mine, theirs = both(model, prepared(model), asked, watched)
    torch.testing.assert_close(mine.maps(), theirs.maps(), **CLOSE)


def test_a_flow_picture_is_the_same_whoever_draws_it(flow, onnx):
    for recipe in (Recipe(steps=3, sampler="euler"), Recipe(steps=2, sampler="euler", width=64)):
        mine, theirs = (Engine(flow, network=one).draw(recipe) for one in (onnx, None))
        assert (mine.networks, theirs.networks) == (("ONNX Runtime",), ("PyTorch",))
        assert abs(mine.image.astype(int) - theirs.image).max() <= 1
        assert theirs.image.std() > 5  # else nothing was compared


def test_sizes_without_a_position_stay_with_pytorch(flow, onnx):
    with pytest.raises(ValueError, match="cannot be greater"):
        onnx.ask(*question(flow, ("",), (34, 16)))


@pytest.mark.parametrize("wrong", ["predictions", "pixels", "maps of (7, 9)"])
def test_a_flow_graph_that_is_off_is_not_used(wrong, flow, onnx, monkeypatch, caplog):
    off = Off(onnx._graph, wrong, 0.01)
    monkeypatch.setitem(onnx_backend.GRAPHS, JointModel, lambda *_: off)
    backend = backends.get("onnx").make(flow)
    backend.prepare()
    assert f"its {wrong} are" in caplog.text
    assert backend.label == "PyTorch"


def test_built_in_flow_models_are_computed_by_graphs_and_checkpoints_are_not(flow, monkeypatch):
    assert type(backends.fastest(flow)) is backends.Eager
    monkeypatch.setattr(flow, "name", "emoji-world-flow")
    assert type(backends.fastest(flow)) is backends.Onnx
    assert onnx_backend.GRAPHS[type(flow)] is JointGraph


@pytest.mark.parametrize("rows", [1, 5])
def test_w_reaches_the_network_of_a_graph(rows, student):
    model, onnx = student
    asked = question(model, ("", "a cat", LONG, "a dog", "a fox")[:rows])
    watched = [Watched(rows - 1, asked[2][-1].prompt.columns)]
    mine, theirs = both(model, onnx, asked, watched)
    torch.testing.assert_close(mine.maps(), theirs.maps(), **CLOSE)
    latents, at, told = asked
    other = onnx.ask(latents, at, [Condition(c.prompt, c.guidance + 3) for c in told])
    assert (other.outputs - onnx.ask(*asked).outputs).abs().amax((1, 2, 3)).min() > 1e-3


@pytest.fixture(scope="module")
def student():
    model = tiny_model(time_cond_proj_dim=32)
    nn.init.normal_(model.unet.time_embedding.cond_proj.weight)
    assert model.guidance_kind is EMBEDDED
    return model, prepared(model)
