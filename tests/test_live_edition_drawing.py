"""The folder of the live edition, and what its modules draw in Node."""

import json
import re
import subprocess
import sys
import urllib.request
from dataclasses import asdict, replace
from pathlib import Path
from threading import Thread

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper

from playground.attention.summing import Aggregation
from playground.diffusion import guidance
from playground.engine.engine import Engine
from playground.engine.local import LocalSession
from playground.engine.session import Edit
from playground.live import check, folder, graphs, node, parts, serve
from playground.live.check import array
from playground.models import pictures
from playground.models.specs import MODELS
from playground.page.attention import reading
from playground.recipe import Recipe

LARGEST = 33_000_000  # bytes of a first visit with the U-Net
MEGABYTES = {"files": 120, "file": 25}  # GitHub's page takes files up to 25 MB


@pytest.fixture(scope="module")
def site(live_site) -> dict:
    return json.loads((live_site / "site.json").read_text())


def test_the_manifest_has_every_file(live_site):
    said = folder.manifest(live_site)["files"]
    there = {path.relative_to(live_site).as_posix(): path for path in folder.below(live_site)}
    assert set(there) == {*said, folder.MANIFEST}
    assert all(folder.hash_of(there[path].read_bytes()) == said[path] for path in said)
    assert max(path.stat().st_size for path in there.values()) < MEGABYTES["file"] * 1e6
    assert sum(path.stat().st_size for path in there.values()) < MEGABYTES["files"] * 1e6


def test_files_have_their_hashes_and_models_share_what_is_equal(live_site, site):
    for entry in site["files"].values():
        content = (live_site / entry["path"]).read_bytes()
        assert (folder.hash_of(content), len(content)) == (entry["sha256"], entry["bytes"])
    used = [model["files"] for model in site["models"]]
    assert len({files["text"] for files in used}) == len({files["decoder"] for files in used}) == 1
    assert len({files["network"] for files in used}) == len(MODELS)


def test_a_first_visit_is_small(live_site, site):
    unet = next(model for model in site["models"] if model["name"] == "emoji-world")
    fetched = {
        *unet["files"].values(), *site["runtime"]["wasm"].values(), *site["oracle"].values(),
    }  # fmt: skip
    others = [*folder.below(live_site / "js"), *folder.below(live_site / "views")]
    size = sum(site["files"][name]["bytes"] for name in fetched)
    assert size + sum(path.stat().st_size for path in others) < LARGEST


def test_graphs_have_operations_of_every_device_and_are_the_same_again(shipped):
    made = graphs.decoder(shipped)
    assert graphs.decoder(shipped) == made
    graph = onnx.load_from_string(made).graph
    assert {one.op_type for one in graph.node if one.domain} <= {"Gelu", "QuickGelu"}
    halves = [
        weight for weight in graph.initializer if weight.data_type == onnx.TensorProto.FLOAT16
    ]
    assert len(halves) > 20


def test_weights_are_halved_only_without_loss():
    exact, lossy = np.float32([1, 0.5, -2]), np.float32([0.1, 1e-9, 70000])
    weights = [numpy_helper.from_array(exact, "a"), numpy_helper.from_array(lossy, "b")]
    graph = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["c"])], "sum", [],
        [helper.make_tensor_value_info("c", onnx.TensorProto.FLOAT, [3])], weights,
    )  # fmt: skip
    found = onnx.load_from_string(graphs.halved(helper.make_model(graph).SerializeToString()))
    kept = {w.name: numpy_helper.to_array(w) for w in found.graph.initializer}
    assert kept["a.half"].dtype == np.float16
    assert np.array_equal(kept["a.half"].astype(np.float32), exact)
    assert np.array_equal(kept["b"], lossy)


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(folder.FolderError, match="left alone"):
        folder.replace(tmp_path, {"index.html": b"new"}, {"sources": ""})
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_older_edition_is_replaced_and_what_others_put_there_stays(tmp_path):
    out = tmp_path / "site"
    folder.replace(out, {"index.html": b"old", "js/gone.js": b""}, {"sources": "1"})
    (out / "CNAME").write_text("example.org")
    said = folder.replace(out, {"index.html": b"new"}, {"sources": "2"})
    assert folder.manifest(out) == said
    assert {path.relative_to(out).as_posix() for path in folder.below(out)} == {
        "index.html", "CNAME", folder.MANIFEST,
    }  # fmt: skip
    assert (out / "index.html").read_text() == "new"
    assert list(tmp_path.iterdir()) == [out]


def test_empty_folders_of_others_stay_and_ours_do_not(tmp_path):
    """Git knows no repository without `.git/refs`, which is empty once references are packed."""
    out = tmp_path / "site"
    folder.replace(out, {"index.html": b"old", "js/gone.js": b""}, {"sources": "1"})
    (out / ".git" / "refs" / "heads").mkdir(parents=True)
    (out / ".git" / "HEAD").write_text("ref: refs/heads/main")
    (out / "latest").symlink_to(".git")
    folder.replace(out, {"index.html": b"new"}, {"sources": "2"})
    assert {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_dir()} == {
        ".git", ".git/refs", ".git/refs/heads", "latest",
    }  # fmt: skip
    assert (out / "latest").is_symlink()


def test_the_folder_serves_itself_with_the_headers_that_threads_need(live_site):
    assert (live_site / "serve.py").read_text() == Path(serve.__file__).read_text()
    help_said = subprocess.run(
        [sys.executable, "-S", live_site / "serve.py", "--help"], capture_output=True, check=True
    )
    assert b"--port" in help_said.stdout
    with serve.server(live_site) as running:
        Thread(target=running.serve_forever, daemon=True).start()
        for path, kind in (("js/engine/worker.js", "text/javascript"), ("", "text/html")):
            with urllib.request.urlopen(f"http://127.0.0.1:{running.server_port}/{path}") as found:
                assert found.headers["Content-Type"].startswith(kind)
                assert found.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        running.shutdown()


def test_a_static_space_reads_its_headers(live_site):
    front = re.match(r"---\n(.*?)\n---\n", (live_site / "README.md").read_text(), re.S)[1]
    assert "sdk: static" in front
    assert "cross-origin-embedder-policy: require-corp" in front


USUAL = Recipe.for_model("emoji-world", {"guidance": 3.0, "sampler": "dpmpp_2m", "steps": 8})
RECIPES = {
    "U-Net": USUAL,
    "U-Net, everything": replace(
        USUAL, prompt="a (red:1.6) square next to a cat", negative="a beach", guider="apg",
        rescale=0.4, guidance_schedule="cosine", guidance_stop=0.7, sampler="euler_a", seed=11,
        width=96, height=64, steps=6,
    ),
    "flow": Recipe.for_model("emoji-world-flow", {"sampler": "euler", "steps": 6}),
    "student": Recipe.for_model("emoji-world-lcm", MODELS["emoji-world-lcm"].defaults),
}  # fmt: skip


SHARING = [replace(USUAL, guidance=w, steps=2) for w in (2.0, 4.0, 1.0)]
OURS = pictures.opened(reading.OURS, 128)
CLOSELY = replace(USUAL, steps=1, guidance=2.0)
REFUSED = (
    ({"width": 104}, "multiples of 32"),
    ({"guider": "magic"}, "There is no guider 'magic'"),
    ({"guidance_schedule": "sideways"}, "There is no guidance schedule 'sideways'"),
    ({"prompt": "(cat:9)"}, "Weights of words lie between"),
    ({"sampler": "lcm", "steps": 51}, "LCM takes at most 50 steps here"),
    ({"model": "emoji-world-flow"}, None),
    ({"model": "emoji-world-flow", "sampler": "ddim"}, "DDIM cannot sample"),
    ({"model": "emoji-world-flow", "prompt": "(cat:2)"}, "leave weights out"),
    ({"model": "sd-1.5"}, "The model 'sd-1.5' is not open"),
)


@pytest.fixture(scope="module")
def runs(live_site) -> list:
    """All that these tests draw in Node, from one process."""
    refused = [replace(USUAL, **{"steps": 1, "guidance": 1.0} | change) for change, _ in REFUSED]
    read = {"recipe": asdict(replace(CLOSELY, prompt=reading.WORDS, guidance=1.0, seed=0))}
    read |= {"picture": {"shape": OURS.shape, "data": OURS.ravel().tolist()}}
    asked = [
        node.cells(*RECIPES.values(), judged=True), node.cells(*SHARING),
        node.cells(CLOSELY, heads=True),
        {"tasks": [read]}, *map(node.cells, refused),
        node.cells(RECIPES["flow"], edit=asdict(Edit("refine", 1, prompt="a cat"))),
    ]  # fmt: skip
    return node.draw(live_site, list(MODELS), asked)


@pytest.fixture(scope="module")
def drawn(runs) -> dict[str, dict]:
    return dict(zip(RECIPES, runs[0], strict=True))


@pytest.mark.parametrize("name", RECIPES)
def test_the_same_recipe_draws_the_same_as_in_python(name, drawn):
    (off,) = check.differences([RECIPES[name]], [drawn[name]])
    assert off["picture"] <= 2
    assert off["latents"] < 1e-3  # few steps: the first one multiplies the network's rounding
    assert off["maps"] < 1e-4
    assert off["verdict"] == 0


def test_costs_are_those_of_python(drawn):
    for name, recipe in RECIPES.items():
        calls = {"U-Net, everything": 6, "student": 4}.get(name, recipe.steps)
        kind = MODELS[recipe.model].guidance
        assert drawn[name]["calls"] == calls
        assert drawn[name]["rows"] == guidance.rows(recipe, calls, kind)


def test_equal_rows_are_computed_once(runs):
    """One noise and prompt at three w: all share the first call's rows, and none of the second."""
    assert [cell["shared"] for cell in runs[1]] == [0, 2, 1]


def test_every_head_and_every_preview_is_that_of_python(runs, shipped):
    (found,), engine = runs[2], Engine(shipped)
    step, _ = engine.submit([CLOSELY], record=True, heads=True)
    engine.stop()
    for (h, w), expected in step.heads["cond"].items():
        mine = found["heads"][f"{h}x{w}"]
        assert mine["layers"] == list(expected.layers)
        assert np.abs(array(mine["codes"]) - expected.codes).max() <= 1
    for name, latents in step.clean.items():
        pixels = engine.model.preview(torch.from_numpy(latents)[None])[0]
        assert np.abs(array(found["previews"][name]) - pixels).max() <= 1


def test_a_picture_is_read_as_in_python(runs, shipped):
    (found,), engine = runs[3], Engine(shipped)
    how = Aggregation.of(MODELS[shipped.name].card)
    *steps, picture = LocalSession(engine).read(OURS, reading.WORDS, how=how)
    engine.stop()
    assert found["calls"] == len(steps)
    assert np.abs(array(found["latents"]) - picture.latents).max() < 1e-3
    assert np.abs(array(found["image"])[..., :3] - picture.image).max() <= 2
    for (h, w), expected in steps[-1].maps.items():
        assert np.abs(array(found["maps"][f"{h}x{w}"]) - expected).max() < 1e-4


def test_what_cannot_be_drawn_is_refused_in_a_sentence(runs):
    *others, joint = runs[4:]
    assert "an edit needs cross-attention" in joint["refused"]
    for said, (change, expected) in zip(others, REFUSED, strict=True):
        assert ("refused" in said) == (expected is not None), change
        assert expected is None or expected in said["refused"]


def test_parts_are_made_once_for_the_same_code_and_weights(live_site):
    spec = MODELS["emoji-world"]
    assert parts.key(spec) == parts.key(spec) != parts.key(MODELS["emoji-world-lcm"])
    kept = parts.Maker().of(spec)  # read: nothing is loaded
    assert asdict(kept)["facts"]["name"] == spec.name
