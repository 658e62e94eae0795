"""Whoever computes the network, the picture is the same, and the page says who it was."""

import copy
import functools
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from conftest import tiny_model
from diffusers.models.attention_processor import Attention
from graphs import Off

from playground.attention import editing
from playground.attention.record import Watched, record
from playground.diffusion.levels import Level
from playground.engine import backends
from playground.engine.backends import onnx as onnx_backend
from playground.engine.backends.exported import GIVES_WAY, Exported
from playground.engine.backends.unet_graph import UNetGraph
from playground.engine.engine import Engine
from playground.engine.events import Failure, Picture, Step
from playground.models.prompt import Condition, word_columns
from playground.recipe import Recipe

TEXTS = ("", "a cat", "two red stars in the snow", "an owl wearing a crown", "a fox and a pig")


@pytest.fixture(scope="module")
def onnx(tiny) -> backends.Onnx:
    found = backends.get("onnx").make(tiny)
    found.prepare()
    return found


@pytest.fixture(scope="module")
def shipped_onnx(shipped) -> backends.Onnx:
    found = backends.fastest(shipped)
    found.prepare()
    return found


def question(model, rows: int) -> tuple:
    """Latents, levels and conditions of so many different rows."""
    generator = torch.Generator().manual_seed(rows)
    latents = torch.randn(rows, 4, 16, 16, generator=generator)
    told = [Condition(model.encode(text)) for text in (TEXTS * rows)[:rows]]
    return latents, [Level(0.5, 0.5, t) for t in torch.linspace(20, 980, rows).tolist()], told


def difference(a: Picture, b: Picture) -> int:
    return int(np.abs(a.image.astype(int) - b.image.astype(int)).max())


@pytest.mark.parametrize("rows", [1, 2, 5, 17])
def test_a_graph_predicts_what_pytorch_predicts(rows, tiny, onnx):
    mine, theirs = onnx.ask(*question(tiny, rows)), backends.Eager(tiny).ask(*question(tiny, rows))
    assert (mine.by, theirs.by) == ("ONNX Runtime", "PyTorch")
    torch.testing.assert_close(mine.outputs, theirs.outputs, atol=1e-5, rtol=1e-5)
    assert theirs.outputs.std() > 0.01  # else nothing was compared


@pytest.mark.parametrize("closer", [False, True])
def test_a_graph_records_what_pytorch_records(closer, tiny, onnx):
    latents, at, told = question(tiny, 5)
    fox = told[4].prompt
    close = word_columns(fox) if closer else None
    watched = [Watched(row, told[row].prompt.columns) for row in (1, 3)]
    watched.append(Watched(4, fox.columns, close))
    mine, theirs = (
        backend.ask(latents, at, told, watched).recorder for backend in (onnx, backends.Eager(tiny))
    )
    assert set(theirs.maps()[0]) == {(16, 16), (8, 8), (4, 4)}
    for ours, other in zip(mine.maps(), theirs.maps(), strict=True):
        torch.testing.assert_close(ours, other, atol=1e-5, rtol=1e-4)
        for map_ in ours.values():
            torch.testing.assert_close(map_.sum(0), torch.ones(map_.shape[1:]))
    if not closer:
        assert mine.heads() == theirs.heads() == [None] * 3
        return
    assert mine.heads()[:2] == theirs.heads()[:2] == [None, None]
    for grid, heads in theirs.heads()[2].items():
        assert mine.heads()[2][grid].layers == heads.layers
        codes = mine.heads()[2][grid].codes.int() - heads.codes.int()
        assert codes.abs().max() <= 1  # of 255: a code may round the other way


@pytest.mark.parametrize("count", [1, 3])
def test_a_graph_decodes_what_pytorch_decodes(count, tiny, onnx):
    latents = torch.randn(count, 4, 16, 16, generator=torch.Generator().manual_seed(count))
    theirs = tiny.decode(latents)
    off = np.abs(onnx.decode(latents).astype(int) - theirs).max(axis=(1, 2, 3))
    assert (off <= 1).all()  # of 255: a value may round the other way
    assert theirs.std() > 5  # else nothing was compared
    large = torch.zeros(1, 4, 24, 16)
    np.testing.assert_array_equal(onnx.decode(large), tiny.decode(large))


def test_exporting_leaves_the_model_as_it_was(tiny):
    before = dict(tiny.unet.attn_processors)
    backends.get("onnx").make(tiny).prepare()
    after = tiny.unet.attn_processors
    assert {name: id(p) for name, p in after.items()} == {n: id(p) for n, p in before.items()}


def test_a_graph_rescales_what_its_layers_rescale():
    """Attention layers may divide their output; ours divide by 1, so only this can tell."""
    model = tiny_model()
    for module in model.unet.modules():
        if isinstance(module, Attention):
            module.rescale_output_factor = 1.7
    backend = backends.get("onnx").make(model)
    backend.prepare()
    mine, theirs = (
        network.ask(*question(model, 2)) for network in (backend, backends.Eager(model))
    )
    assert mine.by == "ONNX Runtime"  # a graph that is off is not used
    torch.testing.assert_close(mine.outputs, theirs.outputs, atol=1e-5, rtol=1e-5)


def test_a_graph_can_be_made_while_others_draw(tiny):
    backend = backends.get("onnx").make(tiny)
    columns = tiny.encode("a cat").columns
    with tiny.network_lock, record(tiny.unet, [Watched(0, columns)]):  # as in a tick
        making = threading.Thread(target=backend.prepare)
        making.start()
        making.join(0.5)
    making.join(60)
    assert backend.ask(*question(tiny, 1)).by == "ONNX Runtime"


@pytest.mark.slow
def test_graphs_of_several_models_can_be_made_at_the_same_time():
    made = [backends.get("onnx").make(tiny_model()) for _ in range(3)]
    with ThreadPoolExecutor(len(made)) as pool:
        list(pool.map(lambda backend: backend.prepare(), made))
    assert [backend.label for backend in made] == ["ONNX Runtime"] * len(made)


def test_both_draw_the_same_picture_and_say_who_drew(shipped, shipped_onnx):
    recipes = [Recipe(steps=8, guidance=w) for w in (0.0, 1.0, 5.0)]
    theirs = {e.cell: e for e in Engine(shipped).submit(recipes) if isinstance(e, Picture)}
    engine = Engine(shipped, network=shipped_onnx)
    *_, alone = engine.submit(recipes[2:], record=True)
    together = {e.cell: e for e in engine.submit(recipes) if isinstance(e, Picture)}
    for cell, picture in together.items():
        assert difference(picture, theirs[cell]) <= 2
        assert (picture.networks, theirs[cell].networks) == (("ONNX Runtime",), ("PyTorch",))
    assert difference(together[2], alone) <= 1  # whatever else is in the batch
    assert difference(together[1], together[2]) > 20


def test_what_the_graph_cannot_do_pytorch_does(tiny, onnx):
    engine = Engine(tiny, network=onnx)
    *_, small = engine.submit([Recipe(steps=2, width=64, height=64)])
    assert small.networks == ("PyTorch",)
    texts = ("a cat", "a dog")
    plan = editing.swap(*map(tiny.encode, texts), share=1.0)
    recipes = [Recipe(steps=2, prompt=text) for text in texts]
    ended = [e for e in engine.submit(recipes, plan=plan) if not isinstance(e, Step)]
    assert [picture.networks for picture in ended] == [("PyTorch",)] * 2


def test_a_picture_that_both_drew_is_the_same_and_names_both(tiny):
    class Late(backends.Onnx):
        asked = 0

        def ask(self, *question):
            self.asked += 1
            if self.asked == 3:
                self.prepare()
            return super().ask(*question)

    *_, picture = Engine(tiny, network=Late(tiny)).submit([Recipe(steps=6)])
    assert picture.networks == ("PyTorch", "ONNX Runtime")
    assert difference(picture, Engine(tiny).draw(Recipe(steps=6))) <= 2


def test_without_the_packages_pytorch_draws(tiny, monkeypatch):
    monkeypatch.setattr(backends, "find_spec", lambda name: name == "torch" or None)
    assert type(backends.fastest(tiny)) is backends.Eager


def test_checkpoints_stay_with_pytorch(shipped):
    assert type(backends.fastest(shipped)) is backends.Onnx
    other = copy.copy(shipped)
    other.name = "folder"
    assert type(backends.fastest(other)) is backends.Eager


def test_a_network_that_cannot_be_exported_stays_with_pytorch(caplog):
    class Own:
        def __call__(self, attn, hidden_states, **_):
            return hidden_states

    model = tiny_model()
    next(iter(model.cross_attention.values())).set_processor(Own())
    backend = backends.get("onnx").make(model)
    backend.prepare()
    assert "Own, which cannot be recorded" in caplog.text
    assert backend.ask(*question(model, 1)).by == "PyTorch"


@pytest.mark.parametrize("error", [0.01, float("nan")])
@pytest.mark.parametrize("wrong", ["predictions", "pixels", "maps of (8, 8)"])
def test_a_graph_that_is_off_is_not_used(wrong, error, tiny, onnx, monkeypatch, caplog):
    off = Off(onnx._graph, wrong, error)
    monkeypatch.setitem(onnx_backend.GRAPHS, type(tiny), lambda *_: off)
    backend = backends.get("onnx").make(tiny)
    backend.prepare()
    assert f"its {wrong} are" in caplog.text
    assert backend.ask(*question(tiny, 1)).by == backend.label == "PyTorch"


def test_odd_sizes_keep_the_grids_that_the_network_has():
    """Halved upwards or downwards, and not square."""
    model = tiny_model()
    shape = (4, 10, 12)
    assert list(UNetGraph(model, shape).grids(shape).values()) == [(10, 12), (5, 6), (3, 3)]


def test_a_graph_answers_several_threads_at_once(tiny, onnx):
    questions = [question(tiny, rows) for rows in (1, 2, 3, 5)]
    alone = [onnx.ask(*each).outputs for each in questions]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda each: onnx.ask(*each).outputs, questions * 5))
    for mine, theirs in zip(together, alone * 5, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
def test_what_computes_gives_way_to_what_answers_visitors():
    here = functools.partial(os.getpriority, os.PRIO_PROCESS, 0)  # of the thread that asks
    before = here()
    graph = Exported(torch.nn.Linear(2, 2), (torch.zeros(2, 2),), ("x",), ("y",))
    assert graph._callers.submit(here).result() == min(19, before + GIVES_WAY)
    assert here() == before


def test_the_decoder_is_the_graphs(tiny, onnx, monkeypatch):
    monkeypatch.setattr(tiny.vae, "decode", lambda *_: 1 / 0)
    assert onnx.decode(torch.zeros(1, 4, 16, 16)).shape == (1, 128, 128, 3)
    with pytest.raises(ZeroDivisionError):
        backends.Eager(tiny).decode(torch.zeros(1, 4, 16, 16))


def test_unknown_backends_are_named(tiny):
    with pytest.raises(backends.UnknownBackendError, match=r"'cuda'; there are: onnx, pytorch\."):
        backends.get("cuda")


def test_a_failing_call_ends_its_picture_alone(tiny, onnx, monkeypatch):
    monkeypatch.setattr(UNetGraph, "__call__", lambda *_: 1 / 0)
    *_, last = Engine(tiny, network=onnx).submit([Recipe(steps=2)])
    assert isinstance(last, Failure)
