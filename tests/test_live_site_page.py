"""The static page: its views' values, links and files are those of the served page."""

import base64
import dataclasses
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from modules import page_modules
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from test_grid_lists import REFUSED

from playground.diffusion import forward
from playground.engine.local import LocalSession
from playground.engine.record import records
from playground.live import node, page_files, site
from playground.live.page_data import page_data
from playground.models import specs
from playground.page import arriving, fits, listed, serving, surprises, switching
from playground.page.attention import data as attention
from playground.page.attention.look import look_of
from playground.page.guidance import data as guidance
from playground.page.guidance import measured
from playground.page.lecture import check
from playground.page.samplers import counting, race_plan
from playground.page.samplers import measured as samplers_measured
from playground.page.studio import data as studio
from playground.recipe import GRID_KEY, PNG_KEY, Recipe, RecipeError

VALUES = Path(__file__).parent / "live" / "values.mjs"
RECIPE = Recipe(prompt="a größer cat, 🦁 “x”", steps=3, seed=11, guidance=2.5, negative="snow")
LINKS = [
    RECIPE.to_query(),
    Recipe(eta=0.00001, guidance=0, steps=4).to_query(),
    Recipe(model="emoji-world-flow", sampler="euler", width=256).to_query(),
    *(
        base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
        for said in (
            {"v": 1}, {"v": 3}, {"v": "2"}, {"v": 2, "prompt": 7}, {"v": 2, "width": 65},
            {"v": 2, "guidance": 31}, {"v": 2, "steps": 2.5}, {"v": 2, "nothing": 1}, [],
            {"v": 2, "prompt": "a" * 301}, {"v": 2, "guidance_start": 1, "guidance_stop": 0},
            {"v": 2, "seed": None}, {"v": 2, "steps": 4.0},
        )
    ),
    "%%", "e30é",
]  # fmt: skip
LISTS = [
    ("0, 1, 2.5", False), ("0,5; 1,5", False), ("1-10 (+3)", False), ("1-10 [4]", True),
    ("0-1 (+0.1)", False), ("0,5", False), ("x", False), ("1-3 (+0)", False), ("−2 7", False),
    ("1-9999", True), ("10-1 (+4)", True), ("", False), *((text, False) for text in REFUSED),
]  # fmt: skip
SWITCHES = [
    (Recipe(prompt="a fox", guidance=7, sampler="unipc").to_query(), "emoji-world-flow"),
    (Recipe(negative="snow", guidance=0, guider="apg").to_query(), "emoji-world-lcm"),
    (Recipe(model="emoji-world-lcm", sampler="lcm", steps=4, width=256).to_query(), "emoji-world"),
]
SETTINGS = "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512"
FOREIGN = [  # what other programs write
    "a cat, oil painting\nNegative prompt: blurry\nSteps: 20, Sampler: DPM++ 2M Karras, CFG scale: "
    "7.5, Seed: 965400086, Size: 96x128, Model hash: 6ce0161689, Model: v1-5, Version: v1.6.0",
    *(f"a cat\nSteps: 20, {said}" for said in (
        "Sampler: DPM++ 2M, Schedule type: Karras", "Sampler: DPM++ 2M, Schedule type: Automatic",
        "Sampler: Euler, Schedule type: Karras", "Sampler: Restart", "Seed: -3, CFG scale: x",
        "Seed: 99999999999999999999, Size: 3x5x7, Model: “größer”", "CFG scale: 900, Size: 65x64",
        'Lora hashes: "a: 1, b: \\" 2", Hires upscale: 2, Sampler: Euler a, constructor: 1',
        ", ".join(f"Extra {chr(65 + i % 26)}{i}: {'é' * 200}" for i in range(40)),
    )),
    f"<lora:a:1> (hat:1.2) BREAK [a:b:0.5] ÉBREAK\u0085zwei\n{SETTINGS}",
    f"Negative prompt: snow \n{SETTINGS.replace('20,', '20.5,')}", f"{'word, ' * 90}\n{SETTINGS}",
    f"{'x' * 400}\n{SETTINGS}", SETTINGS, "", "a cat", "x" * 20_001, "Steps: 1" + "\n" * 9,
]  # fmt: skip


def png(**texts: str) -> bytes:
    info, file = PngInfo(), io.BytesIO()
    for name, text in texts.items():
        info.add_itxt(name, text)
    Image.new("RGB", (4, 4)).save(file, "PNG", pnginfo=info)
    return file.getvalue()


FILES = [
    *(png(parameters=text) for text in FOREIGN), png(workflow="{}"), png(), b"", b"GIF89a",
    png(**{PNG_KEY: RECIPE.to_json()}), png(**{PNG_KEY: "{"}), png(**{GRID_KEY: "[]"}),
    png(**{PNG_KEY: "{}", "parameters": SETTINGS}),
    png(parameters=SETTINGS)[:-30], png(parameters="x" * 2**20 + "x"),
    png(**{PNG_KEY: RECIPE.to_json()}).replace(b"seed", b"sEed"),
]  # fmt: skip


@pytest.fixture(scope="module")
def facts() -> dict:
    """Of site.json what the page reads, without any weights."""
    kept = "name label sentence side largest defaults scheduler_config"
    models = [
        {name: getattr(spec, name) for name in kept.split()}
        | {
            "multiple": fits.of(spec.name).multiple,
            "guidance": {"branches": spec.guidance.branches, "label": spec.guidance.label},
            "aggregation": dataclasses.asdict(studio.Aggregation.of(spec.card)),
            "fits": {s.name: s.refusal_of(spec.scheduler_config) for s in page_samplers()},
            "alphas_cumprod": site.alphas(spec.scheduler_config) if spec.prediction == "epsilon"
            else [],
        }
        for spec in specs.MODELS.values()
    ]  # fmt: skip
    return site.tables() | {"models": models, "files": {}}


def page_samplers():
    from playground.diffusion.samplers import SAMPLERS

    return SAMPLERS.values()


@pytest.fixture
def run(engine):
    """A finished run of the small model, every head recorded."""
    session = LocalSession(engine)
    with session.submit([RECIPE], record=True, heads=True) as events:
        *_, found = records(session, events)
    colours = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    return dataclasses.replace(found, preview_map=colours)


def plain(array: np.ndarray) -> dict:
    """As JavaScript's typed arrays; bytes of pictures are clamped ones there."""
    kinds = {"float32": "Float32Array", "uint8": "Uint8Array"}
    return {"type": kinds[str(array.dtype)], "shape": array.shape, "data": array.ravel().tolist()}


def told(run) -> dict:
    """The run in the words of js/engine/protocol.js."""

    def grids(maps, of=plain):
        return {f"{h}x{w}": of(map_) for (h, w), map_ in maps.items()}

    def heads(found):
        return {"layers": found.layers, "codes": plain(found.codes)}

    def prompt(found):
        words = [dataclasses.asdict(word) | {"content": word.content} for word in found.words]
        kept = {name: getattr(found, name) for name in ("text", "ids", "names", "roles", "cut")}
        return kept | {"words": words, "embeds": plain(found.embeds)}

    steps = [
        {
            "kind": "step", "cell": 0, "index": s.index, "count": s.count, "guidance": s.guidance,
            "level": dataclasses.asdict(s.level), "latents": plain(s.latents),
            "clean": {name: plain(x) for name, x in s.clean.items()},
            "previews": {"guided": plain(s.preview)}, "maps": grids(s.maps),
            "heads": {branch: grids(found, heads) for branch, found in s.heads.items()},
        }
        for s in run.steps
    ]  # fmt: skip
    picture = run.picture
    opaque = np.full((*picture.image.shape[:2], 1), 255, np.uint8)
    shown = {name: getattr(picture, name) for name in ("calls", "rows", "shared", "seconds")}
    shown |= {
        "kind": "picture", "cell": 0, "recipe": dataclasses.asdict(run.recipe),
        "networks": picture.networks, "latents": plain(picture.latents),
        "image": plain(np.concatenate([picture.image, opaque], 2)),
    }  # fmt: skip
    return {
        "prompts": {name: prompt(found) for name, found in run.prompts.items()}, "steps": steps,
        "picture": shown, "previewMap": run.preview_map.tolist(),
    }  # fmt: skip


@pytest.fixture
def both(run, facts, tmp_path) -> tuple[dict, dict]:
    """What JavaScript and Python make of the same run."""
    page_modules(tmp_path)
    lately = {1: 0.01, 2: 0.016}
    given = {
        "site": facts, "page": page_data(), "run": told(run), "seconds": 1.26, "lately": lately,
        "links": LINKS, "lists": LISTS, "switches": SWITCHES,
        "files": [base64.b64encode(file).decode() for file in (run.png(), *FILES)],
    }  # fmt: skip
    theirs = json.loads(node.run(VALUES, str(tmp_path), given=json.dumps(given, default=tuple)))

    class Timed:
        call_seconds = staticmethod(lambda: lately)

    ours = {"explorer": studio._explored(run, 1.26, None), "pipeline": studio._strip(run)}
    ours |= guidance.of_run(run, Timed) | {"attention": attention.laboratory(look_of(run, 1.26))}
    ours["reading"] = attention.reading(run, RECIPE, run.picture.image, 1.26)
    return theirs, json.loads(json.dumps(ours, default=tuple))


def same(ours, theirs, where: str = "") -> None:
    """Equal, but for the last bit of rounding: packed arrays differ by 1, floats by 1e-4."""
    assert type(ours) is type(theirs) or {type(ours), type(theirs)} <= {int, float}, where
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys(), where
        for name in ours:
            same(ours[name], theirs[name], f"{where}.{name}")
    elif isinstance(ours, list):
        assert len(ours) == len(theirs), where
        for i, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            same(one, other, f"{where}[{i}]")
    elif isinstance(ours, float):
        assert theirs == pytest.approx(ours, rel=2e-3, abs=2e-4), where
    elif isinstance(ours, str) and where.endswith(("rgb", "shares", "map", "maps", "codes")):
        kind = np.uint16 if where.endswith("shares") else np.uint8
        one, other = (np.frombuffer(base64.b64decode(x), kind).astype(int) for x in (ours, theirs))
        assert np.abs(one - other).max(initial=0) <= 1, where
    elif isinstance(ours, str) and where.endswith(("].uncond", "].cond")):
        one, other = (np.frombuffer(base64.b64decode(x), np.float32) for x in (ours, theirs))
        np.testing.assert_allclose(one, other, atol=1e-5, err_msg=where)
    elif not where.endswith(("png", ".image")):  # packed by another program
        assert ours == theirs, where


def test_values_links_and_files_are_those_of_the_served_page(both, run, engine):
    theirs, ours = both
    for name, value in ours.items():
        same(value, theirs[name], name)
    # a file and a link of each edition open in the other
    file = io.BytesIO(base64.b64decode(theirs["png"]))
    assert Recipe.from_png(file) == RECIPE
    assert np.array_equal(np.array(Image.open(file)), run.picture.image)
    assert theirs["query"] == RECIPE.to_query()
    assert theirs["reopened"] == [RECIPE.to_query(), ""]
    for content, found in zip((run.png(), *FILES), theirs["files"], strict=True):
        assert found == outcome(lambda content=content: opened(content)), content
    for link, found in zip(LINKS, theirs["links"], strict=True):
        assert found == outcome(lambda link=link: Recipe.from_query(link).to_query()), link
    # what a visitor types into lists, and another model's recipe
    for (text, whole), found in zip(LISTS, theirs["lists"], strict=True):
        assert found == outcome(lambda t=text, w=whole: listed.numbers(t, w)), text
    for (link, to), found in zip(SWITCHES, theirs["switched"], strict=True):
        before = Recipe.from_query(link)
        made, line = switching.switched(before, before.model, to)
        assert found == [made.to_query(), line]
    lanes = race_plan.plan(RECIPE, ["ddim", "heun"], "5, 8", "1, 5", "calls")
    assert theirs["lanes"] == [[lane.recipe.to_query(), lane.count] for lane in lanes]
    levels = forward.training_levels(specs.get(RECIPE.model).scheduler_config)[::250]
    for level, found in zip(levels, theirs["levels"], strict=True):
        assert found == pytest.approx(dataclasses.asdict(level))
    asked = check.Drawn(LocalSession(engine), run, run)
    answers = [question.measure(asked) for question in check.QUESTIONS[:4]]
    assert theirs["lecture"]["answers"][:4] == [dataclasses.asdict(one) for one in answers]
    assert theirs["lecture"]["recipe"] == check.recipe_of(RECIPE).to_query()
    assert theirs["numbers"] == [counting.numbers(n) for n in (1, 2, 9, 15, 50)]


def opened(content: bytes) -> list:
    recipe, line = arriving.of_png(io.BytesIO(content), Recipe())
    serving.check(recipe)
    return [recipe.to_query(), line]


def outcome(work) -> dict:
    try:
        return {"value": work()}
    except RecipeError as error:
        return {"error": str(error)}


def test_every_view_is_a_module_that_begins(tmp_path):
    """shared.js stands in front of each behaviour: a name that both declare is a syntax error."""
    for name, view in page_files.VIEWS.items():
        (tmp_path / f"{name}.mjs").write_text(page_files.module(view))
    names = [f"./{name}.mjs" for name in page_files.VIEWS]
    (tmp_path / "all.mjs").write_text("".join(f"import {json.dumps(n)};\n" for n in names))
    node.run(tmp_path / "all.mjs")


def test_measured_charts_are_those_of_the_served_page():
    """All but their figures as files, which need Python; the same numbers are folded below."""
    shown, card = page_files.shown(), specs.get(Recipe().model).card
    served = {
        "tradeoff": measured.plotted(card["guidance"]),
        "variants": measured.panels(card["variants"]),
        "stochastic": samplers_measured.fresh(card["solvers"]),
    }
    for name, panels in served.items():
        chart = shown[f"{name}-curves"]
        assert chart["panels"] == [dataclasses.asdict(panel) for panel in panels]
        assert not chart["figures"]
    questions = page_data()["surprises"]
    assert questions.keys() == surprises.SURPRISES.keys()
    assert all(said["answer"] for said in questions.values())
    assert all(shown[name]["folded"] for name in ("tradeoff", "variants", "errors-stochastic"))


def test_the_service_worker_keeps_the_page_and_not_the_models():
    hashes = {"index.html": "a" * 64, "js/page/main.js": "b" * 64, "shown/race.json": "c" * 64,
              "shown/explorer.json": "d" * 64, "models/x.onnx": "e" * 64}  # fmt: skip
    text = page_files.service_worker(hashes, "1").decode()
    early = json.loads(text.split("const EARLY = ")[1].split(";\n")[0])
    kept = json.loads(text.split("const KEPT = ")[1].split(";\n")[0])
    assert set(kept) == set(hashes) - {"models/x.onnx"}
    assert set(early) == {"index.html", "js/page/main.js", "shown/explorer.json"}
    # another edition of the same version has a cache of its own
    other = page_files.service_worker(hashes | {"shown/race.json": "f" * 64}, "1").decode()
    assert text.splitlines()[0] != other.splitlines()[0]
    assert text == page_files.service_worker(hashes, "1").decode()


INSTALLED = """
const found = { kept: [], skipped: 0 }, heard = {}, work = [];
const self = {
  location: { href: 'http://here/sw.js' }, registration: { active: %s },
  addEventListener: (name, act) => (heard[name] = act), skipWaiting: () => (found.skipped += 1),
};
const put = async (url, answer) => found.kept.push([url, await answer.text(), answer.redirected]);
const caches = { open: async () => ({ put }) };
globalThis.fetch = async ({ url }) => {
  const answer = new Response(url);  // as of a host that redirects index.html to its folder
  return Object.defineProperty(answer, "redirected", { value: url.endsWith("index.html") });
};
%s
const addRoutes = async (routes) => (found.routes = routes);
heard.install({ waitUntil: (one) => work.push(one), addRoutes });
await Promise.all(work);
console.log(JSON.stringify(found));
"""


def installed(tmp_path, active: str) -> tuple[str, dict]:
    """A service worker's script, and what it does while it is installed."""
    text = page_files.service_worker({"index.html": "a" * 64, "js/main.js": "b" * 64}, "1").decode()
    script = tmp_path / "installed.mjs"
    script.write_text(INSTALLED % (active, text))
    return text, json.loads(node.run(script))


def test_the_page_is_read_from_its_cache_without_the_service_worker_but_for_its_address(tmp_path):
    text, found = installed(tmp_path, "null")
    routes = found["routes"]
    assert routes["condition"] == {"or": [{"urlPattern": {"pathname": "/js/main.js"}}]}
    (version,) = re.findall(r'^const VERSION = "(1-\w{12})";$', text, re.M)
    assert routes["source"] == {"cacheName": f"latent-playground-page-{version}"}


def test_a_newer_edition_waits_while_a_page_of_the_older_one_is_open(tmp_path):
    """That page fetches modules of its own edition; and a kept page is no redirected answer."""
    _, first = installed(tmp_path, "null")
    _, newer = installed(tmp_path, "{}")
    assert (first["skipped"], newer["skipped"]) == (1, 0)
    for found in (first, newer):
        assert sorted(found["kept"]) == [
            [f"http://here/{path}", f"http://here/{path}", False]
            for path in ("index.html", "js/main.js")
        ]
