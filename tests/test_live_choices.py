"""How the live edition computes: weights of 8 bits, WebGPU, threads."""

import json
import re
from pathlib import Path
from threading import Thread

import numpy as np
import onnx
import pytest
from browser import CHROMIUM, LONGEST
from modules import page_modules
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from playground.live import graphs, node, rounding, serve
from playground.measuring import browser_tables, computing
from playground.recipe import Recipe

SOFTWARE = ["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]
FOUR_CORES = "Object.defineProperty(navigator, 'hardwareConcurrency', { value: 4 })"
FLOAT = onnx.TensorProto.FLOAT
SCRIPTS = Path(__file__).parent / "live"
STUDENT = Recipe(
    prompt="a red square", model="emoji-world-lcm", sampler="lcm", steps=2, seed=11, guidance=3
)


def test_weights_are_rounded_by_their_channels():
    """To the nearest of 255 values, of which the largest weight of each output channel is one."""
    generator = np.random.default_rng(3)
    weights = {
        "conv": generator.normal(size=(8, 16, 3, 3)), "product": generator.normal(size=(40, 30)),
        "turned": generator.normal(size=(30, 40)), "small": generator.normal(size=(30, 30)),
    }  # fmt: skip
    weights = {name: np.float32(np.float16(w)) for name, w in weights.items()}
    weights["product"][:, 3] = 0
    weights["conv"][2] *= 64
    nodes = [
        helper.make_node("Conv", ["image", "conv"], ["features"], pads=[1, 1, 1, 1]),
        helper.make_node("MatMul", ["rows", "product"], ["first"]),
        helper.make_node("Gemm", ["rows", "turned"], ["second"], transB=1),
        helper.make_node("MatMul", ["second", "small"], ["third"]),
    ]
    shapes = {"image": [1, 16, 4, 4], "rows": [2, 40]}
    ends = {"features": [1, 8, 4, 4], "first": [2, 30], "second": [2, 30], "third": [2, 30]}
    inputs, outputs = (
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in told.items()]
        for told in (shapes, ends)
    )
    graph = helper.make_model(helper.make_graph(
        nodes, "all", inputs, outputs, [numpy_helper.from_array(w, n) for n, w in weights.items()],
    ), opset_imports=[helper.make_opsetid("", 17)])  # fmt: skip
    whole = graph.SerializeToString()
    for given in (whole, graphs.halved(whole)):
        made = onnx.load_from_string(rounding.rounded(given))
        onnx.checker.check_model(made)
        stored = {w.name: numpy_helper.to_array(w) for w in made.graph.initializer}
        expected = dict(weights)
        for name, axis in (("conv", 0), ("product", 1), ("turned", 0)):
            others = tuple(i for i in range(weights[name].ndim) if i != axis)
            largest = np.abs(weights[name]).max(axis=others, keepdims=True)
            codes, scale = stored[f"{name}.codes"], np.where(largest, largest / 127, 1)
            assert codes.dtype == np.int8
            expected[name] = codes * np.float32(scale)
            assert (np.abs(expected[name] - weights[name]) <= scale * 0.50001).all()
        asked = {name: np.float32(generator.normal(size=shape)) for name, shape in shapes.items()}
        first, second, third = ReferenceEvaluator(made).run(["first", "second", "third"], asked)
        np.testing.assert_allclose(first, asked["rows"] @ expected["product"], atol=1e-5)
        np.testing.assert_allclose(second, asked["rows"] @ expected["turned"].T, atol=1e-5)
        np.testing.assert_allclose(third, second @ weights["small"], atol=1e-4)


def test_a_network_of_8_bits_is_half_as_large_and_close(live_site):
    facts = json.loads((live_site / "site.json").read_text())
    for model in facts["models"]:
        whole, rounded = (
            facts["files"][name]["bytes"] for name in (model["files"]["network"], model["rounded"])
        )
        assert rounded < 0.57 * whole
    asked = str(live_site), json.dumps({"weights": "int8"})
    found = json.loads(node.run(SCRIPTS / "rounded.mjs", *asked, given=json.dumps(STUDENT.model)))
    assert found["opened"]["weights"] == "int8"
    assert found["provider"] == "WebAssembly with weights of 8 bits"
    assert 1e-3 < found["off"] < 0.16  # other numbers, a little; check.js allows 0.2
    assert found["seconds"] > 0


@pytest.fixture(scope="module")
def tried(tmp_path_factory) -> dict:
    """What becomes of other options, with workers that say what they are told to."""
    folder = tmp_path_factory.mktemp("modules")
    page_modules(folder)
    return json.loads(node.run(SCRIPTS / "choosing.mjs", str(folder)))


def test_what_is_faster_takes_over(tried):
    assert tried["faster"] == {
        "seconds": [1, 0.5], "provider": "webgpu", "options": "webgpu",
        "ended": [True, False], "said": 1,
    }  # fmt: skip
    assert tried["unasked"] | {"seconds": None} == tried["faster"] | {"seconds": None}


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("slower", "It is not faster here: a network call takes 950 ms, and 1000 ms as before."),
        ("wrong", "It gives other numbers."),
        ("broken", "It broke."),
    ],
)
def test_what_is_not_better_is_given_up_with_a_reason(tried, case, reason):
    assert tried[case] == {
        "refused": reason, "provider": "wasm", "options": "wasm", "ended": [False, True], "said": 0,
    }  # fmt: skip


def test_nothing_is_lost_when_another_worker_takes_over(tried):
    found = tried["busy"]
    assert found["ended"], "the run ended before its worker did"
    assert (found["open"], found["options"]) == (2, "webgpu")


def test_a_start_that_fails_is_tried_again_as_it_works_everywhere(tried):
    found = tried["anew"]
    assert (found["first"], found["threads"]) == ("It broke.", 1)
    assert (found["again"], found["weights"], found["ended"]) == (True, "half", [True, True, False])


def test_threads_are_half_of_the_cores_where_they_are_allowed(tried):
    assert tried["threads"] == [1, 2, 4, 1, 1, 1]


def test_a_kept_choice_that_cannot_be_read_is_the_usual_one(tried):
    usual = {"choice": {"provider": "wasm", "weights": "half"}, "tried": None}
    *odd, right = tried["kept"]
    assert odd == [usual] * 3
    assert right["choice"] == {"provider": "webgpu", "weights": "int8"}
    assert right["tried"]["threads"] == 2


def test_what_was_measured_of_the_ways_makes_a_table(monkeypatch):
    row = {"mean": 0.381, "most": 10, "call": [57.4, 56.6]}
    ways = {"eight": row | {"right": [23, 22]}, "threads": row, "webgpu": row | {"refused": None}}
    found = computing.told(ways, 24, "156", 1.25)
    monkeypatch.setattr(browser_tables, "figures", lambda: {"computing": found})
    table = browser_tables.computing({})
    assert f"| {computing.THREADS} threads | 0.38 | 10 | 57 ms, 57 ms |" in table
    assert "finds 22 of the 24 pictures" in table


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_way_is_tried_in_a_browser(live_site):
    """WebGPU on a software adapter: right, and slower than WebAssembly. Threads on two cores may
    be either; which is said.
    """
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=3 * LONGEST)
    with serve.server(live_site) as server, sync_playwright() as play:
        Thread(target=server.serve_forever, daemon=True).start()
        browser = play.chromium.launch(executable_path=CHROMIUM, args=SOFTWARE)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.add_init_script(FOUR_CORES)
        status, ways = page.locator("#explorer .status"), page.locator("#computing summary")
        said = page.locator("#computing .said")
        page.goto(f"http://127.0.0.1:{server.server_port}/?r={STUDENT.to_query()}")
        expect(status).to_contain_text("by WebAssembly; LCM")
        ways.click()
        expect(page.locator("#computing")).to_contain_text("Measured here")  # threads
        page.locator("#computing input[value=webgpu]").check()
        expect(said).to_contain_text(re.compile(r"It is not faster here: .* goes on as before"))
        expect(ways).to_contain_text("WebAssembly")
        page.locator("#computing input[value=int8]").check()
        expect(status).to_contain_text("by WebAssembly with weights of 8 bits; LCM")
        page.reload()
        expect(ways).to_contain_text("weights of 8 bits")
        page.locator("#draw").click()
        expect(status).to_contain_text("by WebAssembly with weights of 8 bits; LCM")
        browser.close()
        server.shutdown()
