"""The browser's edition edits through attention and works positions out as Python does."""

import dataclasses
import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import live_node
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from modules import page_modules
from onnx import helper, numpy_helper
from test_live_site_page import facts, plain, run, same, told  # noqa: F401 (fixtures)

from playground.engine import edits
from playground.engine.engine import Engine
from playground.engine.events import Picture
from playground.engine.local import LocalSession
from playground.engine.session import Edit
from playground.live import graphs, node, sharing, site
from playground.live.check import array
from playground.live.page_data import page_data
from playground.models.specs import MODELS
from playground.page.attention import data, happened
from playground.page.attention.runs import _columns
from playground.page.attention.views import edits as view
from playground.page.attention.views import worked
from playground.recipe import Recipe
from playground.world import measures, verdict

# ---- graphs that share their weights ------------------------------------------------------------


def multiplied(weight: np.ndarray, name: str, twice: bool) -> bytes:
    """x·w, or (x·w)·w, with the weight stored in half precision."""
    nodes = [helper.make_node("MatMul", ["x", name], ["once"])]
    nodes += [helper.make_node("MatMul", ["once", name], ["twice"])] if twice else []
    floats = onnx.TensorProto.FLOAT
    outputs = [
        helper.make_tensor_value_info(each.output[0], floats, [None, len(weight)])
        for each in nodes[-1:]
    ]
    graph = helper.make_graph(
        nodes, "product", [helper.make_tensor_value_info("x", floats, [None, len(weight)])],
        outputs, [numpy_helper.from_array(weight, name)],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return graphs.halved(model.SerializeToString())


def answer(graph: bytes, x: np.ndarray) -> np.ndarray:
    return onnxruntime.InferenceSession(graph).run(None, {"x": x})[0]


def test_a_second_graph_reads_the_weights_of_the_first():
    weight = np.float32(np.arange(9).reshape(3, 3))
    one, two = multiplied(weight, "w", twice=False), multiplied(weight, "other", twice=True)
    structure, weights = sharing.split(one)
    assert len(onnx.load_from_string(structure).graph.initializer) == 0
    x, adopted = np.float32([[1, 0.5, 2]]), sharing.adopted(two, weights)
    assert len(onnx.load_from_string(adopted).graph.initializer) == 0
    assert np.array_equal(answer(structure + weights, x), x @ weight)
    assert np.array_equal(answer(adopted + weights, x), x @ weight @ weight)
    # other numbers of the same name are not taken for these
    other = sharing.adopted(multiplied(weight + 1, "w", twice=False), weights)
    assert np.array_equal(answer(other + weights, x), x @ (weight + 1))
    named = sharing.named(adopted, ["answer"])
    assert [o.name for o in onnx.load_from_string(named).graph.output] == ["answer"]
    assert np.array_equal(answer(named + weights, x), x @ weight @ weight)


# ---- from words to a plan -----------------------------------------------------------------------

PROMPT = "a red star and a red cat"
EDITS = [
    Edit("swap", 0.6, word="star", by="heart"), Edit("swap", 1, word="red", which=1, by=" blue "),
    Edit("swap", 1, word="red", by="blue"), Edit("swap", 1, word="red", which=2, by="blue"),
    Edit("swap", 1, word="dog", by="cat"), Edit("swap", 1, word="cat", by=""),
    Edit("swap", 1, word="cat", by="big cat"), Edit("swap", 1, word="cat", by="cat"),
    Edit("swap", 1.5, word="cat", by="dog"), Edit("swap", "x", word="cat", by="dog"),
    Edit("refine", 0.8, prompt="a big red star and a red cat on the grass"),
    Edit("refine", 0.8, prompt="a red cat and a red star"),
    Edit("refine", 0.8, prompt=PROMPT), Edit("refine", 0, prompt=f"🐱 {PROMPT}"),
    Edit("reweight", 1, weights={2: -1.5, 6: 3, 0: 1}), Edit("reweight", 1, weights={0: 1}),
    Edit("reweight", 1, weights={9: 2}), Edit("reweight", 1, weights={1: 3.5}),
    Edit("turn", 1),
]  # fmt: skip


def test_words_become_the_plans_of_python(shipped):
    folder = MODELS[shipped.name].folder / "tokenizer" / "tokenizer.json"
    cases = [
        *((PROMPT, edit) for edit in EDITS),
        ("", Edit("refine", 1, prompt="a cat")), ("", Edit("swap", 1, word="a", by="b")),
        ("a (red:1.3) cat", Edit("swap", 0.5, word="cat", by="dog")),
    ]  # fmt: skip
    (found,) = live_node.answers([
        {"ask": "planned", "tokenizer": json.loads(folder.read_text()), "lengths": [77],
         "words": site.tables()["words"], "cases": [[p, sent(edit)] for p, edit in cases]}
    ])  # fmt: skip
    assert sum("refused" in said for said in found) == 15
    for (prompt, edit), said in zip(cases, found, strict=True):
        if "refused" in said:
            with pytest.raises(edits.EditError, match=re.escape(said["refused"])):
                edits.planned(shipped, Recipe(prompt=prompt), edit)
            continue
        ours = edits.planned(shipped, Recipe(prompt=prompt), edit)
        plan = ours.plan
        assert said == {
            "prompt": ours.recipe.prompt, "sourceOf": plan.source_of.tolist(),
            "weights": plan.weights.tolist(), "share": plan.share, "touched": list(ours.touched),
        }, edit  # fmt: skip


def sent(edit: Edit) -> dict:
    return asdict(edit) | {"weights": edit.weights or {}}


# ---- pictures and numbers -----------------------------------------------------------------------

SOURCE = Recipe(prompt="a red square", seed=11, steps=2, guidance=3)
WEIGHTED = replace(SOURCE, prompt="a (red:1.5) square", steps=1, guidance=1)
DRAWN = [
    (SOURCE, Edit("swap", 0.5, word="square", by="circle")),
    (replace(SOURCE, steps=1, guidance=1), Edit("refine", 1, prompt="a big red square and a cat")),
    (WEIGHTED, Edit("reweight", 1, weights={2: -2})),
]  # fmt: skip
PLACE = {"prompt": SOURCE.prompt, "t": 500.0, "x": 0.3, "y": 0.9}


@pytest.fixture(scope="module")
def theirs(live_site) -> list:
    """All that these tests ask of the folder, from one process."""
    asked = [node.cells(recipe, edit=sent(edit)) for recipe, edit in DRAWN]
    asked.append(node.cells(SOURCE, worked=PLACE))
    asked.append(node.cells(replace(SOURCE, guidance=0), edit=sent(DRAWN[0][1])))
    return node.draw(live_site, ["emoji-world"], asked)


def test_edits_draw_the_pictures_of_python(theirs, shipped):
    engine = Engine(shipped)
    session = LocalSession(engine)
    for (recipe, edit), found in zip(DRAWN, theirs, strict=False):
        with session.submit([recipe], record=True, edit=edit) as events:
            pictures = [event for event in events if isinstance(event, Picture)]
        assert len(found) == len(pictures) == (2 if edit.kind == "reweight" else 3)
        for mine, picture in zip(found, sorted(pictures, key=lambda p: p.cell), strict=True):
            off = np.abs(array(mine["latents"]) - picture.latents).max()
            assert off / np.abs(picture.latents).max() < 1e-4, edit.kind
            assert np.abs(array(mine["image"])[..., :3] - picture.image).max() <= 2, edit.kind
            assert mine["rows"] == picture.rows
        assert np.abs(array(found[0]["latents"]) - array(found[1]["latents"])).max() > 0.1
    engine.stop()


def test_without_words_there_is_nothing_to_edit(theirs):
    assert "At w = 0 the words are not read" in theirs[-1]["refused"]


def test_a_position_is_worked_out_as_in_python(theirs, shipped):
    engine = Engine(shipped)
    noise = torch.randn(1, shipped.channels, *shipped.size,
                        generator=torch.Generator().manual_seed(SOURCE.seed))  # fmt: skip
    place = PLACE["prompt"], noise[0].numpy(), PLACE["t"], PLACE["x"], PLACE["y"]
    ours = LocalSession(engine).work_out(*place)
    engine.stop()
    for mine, layer in zip(theirs[len(DRAWN)], ours, strict=True):
        assert (mine["name"], tuple(mine["grid"]), tuple(mine["place"]), mine["width"]) == (
            layer.name, layer.grid, layer.place, layer.width,
        )  # fmt: skip
        for name in ("scores", "weights", "moves", "moved", "total", "feature"):
            np.testing.assert_allclose(mine[name], getattr(layer, name), rtol=1e-3, atol=1e-4)


# ---- what the views show ------------------------------------------------------------------------


def judgement(right: bool, seen: str, missing: tuple[str, ...] = ()) -> verdict.Verdict:
    faults = frozenset() if right else frozenset({"noun"})
    return verdict.Verdict("a cat", seen, missing, (), faults)


GOOD, BAD = judgement(True, "a cat"), judgement(False, "", ("a cat", "the hat"))
JUDGED = [(a, b, c) for a in (GOOD,) for b in (GOOD, BAD) for c in (GOOD, BAD)]
JUDGED += [(GOOD, GOOD), (GOOD, BAD)]
TOUCHED = [([0], [0]), ([], [1]), ([], []), ([0, 1], [0, 1])]


def test_values_of_edits_and_worked_positions_are_those_of_the_served_page(
    run, facts, engine, tmp_path, monkeypatch  # noqa: F811
):  # fmt: skip
    page_modules(tmp_path)

    def changed(by: int):
        image = run.picture.image.copy()
        image[: 4 * by, : 7 * by] = 255 - image[: 4 * by, : 7 * by]
        return replace(run, picture=replace(run.picture, image=image))

    runs, session = [run, changed(5), changed(9)], LocalSession(engine)
    layers = session.work_out(
        run.recipe.prompt, run.steps[2].latents, run.steps[2].level.t, 0.5, 0.5
    )
    said = told(run)["prompts"]["cond"]
    given = {
        "site": facts, "page": page_data(), "runs": [told(one) for one in runs],
        "touched": TOUCHED, "prompt": said, "layers": [numbers(layer) for layer in layers],
        "judged": [[asdict(one) | {"faults": [], "right": one.right} for one in found]
                   for found in JUDGED],
    }  # fmt: skip
    script = Path(__file__).parent / "live" / "edits.mjs"
    theirs = json.loads(node.run(script, str(tmp_path), given=json.dumps(given, default=tuple)))
    prompt = session.describe(run.recipe.prompt)
    ours = {
        "ready": view.ready(run.recipe.prompt, prompt.words, "x"),
        "worked": worked.worked(_columns(prompt), prompt.content, 2, layers),
        "equal": "The two pictures are equal: this edit did nothing.",
    }
    later = {"right": None, "seen": [], "text": ""}
    monkeypatch.setattr(happened, "judged", lambda _: later)
    ours["edited"] = [data.edited(runs, touched, 1.26) for touched in TOUCHED]
    monkeypatch.undo()
    ours["judged"] = []
    for found in JUDGED:
        left = list(found)
        monkeypatch.setattr(measures, "judged", lambda *_, left=left: left.pop(0))
        ours["judged"].append(happened.judged(runs[: len(found)]))
    for name, value in json.loads(json.dumps(ours, default=tuple)).items():
        same(value, theirs[name], name)


def numbers(layer) -> dict:
    return {
        field.name: value.tolist() if isinstance(value, np.ndarray) else value
        for field in dataclasses.fields(layer)
        if (value := getattr(layer, field.name)) is not None
    }
