"""Other ways for a browser to compute, beside the usual one.

In headless Chromium, with a folder of `python -m playground.live`: the same recipes are drawn with
weights of 16 bits by one thread, with weights of 8 bits, by several threads, and by WebGPU, here on
a software adapter (SwiftShader), which says whether its numbers are right and not how fast a
graphics card is. Figures go into assets/hosting.json, and from there into docs/measurements.md and
what the page says of its choices.
"""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from playground.measuring import browser, docs, report
from playground.measuring.load_tables import FIGURES
from playground.measuring.questions import TASKS, questions
from playground.models import specs
from playground.recipe import Recipe

PICTURES, ROUNDS, THREADS = 24, 5, 2
WEBGPU = ["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]
USUAL = {"provider": "wasm", "threads": 1, "weights": "half"}
# One more worker of the page's engine, by a name.
BEGIN = """async ([name, options, model]) => {
  const { Engine } = await import(new URL('js/engine/session.js', document.baseURI));
  const engine = new Engine(new URL('site.json', document.baseURI));
  await engine.start(options);
  const session = await engine.open(model);
  (window.ways ??= {})[name] = { engine, session, images: [], right: 0 };
  return session.opened.refused;
}"""
DRAW = """async ([name, recipes]) => {
  const way = window.ways[name];
  for (const recipe of recipes) {
    for await (const event of way.session.submit([recipe], { record: true })) {
      if (event.kind === 'failure') throw new Error(event.reason);
      if (event.kind !== 'picture') continue;
      way.images.push(event.image.data);
      const verdict = await way.engine.ask({ ask: 'judge', recipe, image: event.image });
      way.right += Boolean(verdict.right);
    }
  }
  return way.right;
}"""
# Largest and mean difference of a channel of a pixel, over all pictures that both have drawn.
DIFFER = """([one, other]) => {
  const all = window.ways[other].images.map((image, i) => {
    const same = window.ways[one].images[i], apart = [];
    for (let k = 0; k < image.length; k++) if (k % 4 < 3) apart.push(Math.abs(image[k] - same[k]));
    return { mean: apart.reduce((a, b) => a + b) / apart.length, most: Math.max(...apart) };
  });
  return { mean: all.reduce((sum, { mean }) => sum + mean, 0) / all.length,
    worst: Math.max(...all.map(({ mean }) => mean)),
    most: Math.max(...all.map(({ most }) => most)) };
}"""
# Milliseconds of a stored call in two workers, in turn: the least of all rounds.
RACE = """async ([one, other, rounds]) => {
  const { raced } = await import(new URL('js/page/choosing.js', document.baseURI));
  const [a, b] = [one, other].map((name) => window.ways[name]), { name } = a.session.facts;
  const found = [];
  for (let i = 0; i < rounds; i++) found.push(await raced(a.engine, b.engine, name));
  return [0, 1].map((k) => 1000 * Math.min(...found.map((pair) => pair[k])));
}"""


def measure(folder: Path = Path("build/live"), count: int = PICTURES) -> None:
    """Everything, once, with a folder that is written first if it is not of this code."""
    subprocess.run([sys.executable, "-m", "playground.live", str(folder)], check=True)
    found = compare(folder, recipes(count))
    print(json.dumps(found, indent=1), flush=True)
    known = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    FIGURES.write_text(json.dumps(known | {"computing": found}, indent=1) + "\n", encoding="utf-8")
    docs.write()


def recipes(count: int, model: str = "emoji-world") -> list[Recipe]:
    """As a visitor finds the page set, with the first prompts of each of the oracle's tasks."""
    asked = zip(*(questions(task) for task in TASKS.values()), strict=False)
    prompts = itertools.islice(itertools.chain.from_iterable(asked), count)
    usual = specs.get(model).defaults
    return [
        Recipe.for_model(model, {**usual, "prompt": one.prompt, "seed": seed})
        for seed, one in enumerate(prompts)
    ]


def compare(folder: Path, wanted: Sequence[Recipe]) -> dict:
    """By way: how far its pictures are from the usual ones, and milliseconds of a call of both."""
    busy = os.getloadavg()[0]
    with browser.served(folder) as site, browser.chromium(WEBGPU) as chromium:
        page = chromium.new_page()
        page.goto(f"{site.address}manifest.json")  # nothing else is computed there
        model, found = wanted[0].model, {}
        for name, changes in {
            "usual": {}, "eight": {"weights": "int8"}, "threads": {"threads": THREADS},
        }.items():  # fmt: skip
            page.evaluate(BEGIN, [name, USUAL | changes, model])
        usual = drawn(page, "usual", wanted)
        for name, some in {"eight": wanted, "threads": wanted[:1]}.items():
            right = drawn(page, name, some)
            found[name] = page.evaluate(DIFFER, ["usual", name]) | {
                "right": [usual, right], "call": page.evaluate(RACE, ["usual", name, ROUNDS]),
            }  # fmt: skip
        student = recipes(1, "emoji-world-lcm")
        page.evaluate(BEGIN, ["student", USUAL, student[0].model])
        way = USUAL | {"provider": "webgpu"}
        refused = page.evaluate(BEGIN, ["webgpu", way, student[0].model])
        for name in ("student", "webgpu"):
            drawn(page, name, student)
        found["webgpu"] = page.evaluate(DIFFER, ["student", "webgpu"]) | {
            "refused": refused, "call": page.evaluate(RACE, ["student", "webgpu", 1]),
        }  # fmt: skip
        version = chromium.version
    return told(found, len(wanted), version, busy)


def told(found: dict, pictures: int, chromium: str, busy: float) -> dict:
    """What was found of the ways, with what it depends on."""
    return report.environment() | found | {
        "pictures": pictures, "count": THREADS, "chromium": chromium, "busy": round(busy, 1),
    }  # fmt: skip


def drawn(page, name: str, wanted: Sequence[Recipe]) -> int:
    """Draw with one of the ways; how many pictures the oracle finds right."""
    return page.evaluate(DRAW, [name, [asdict(recipe) for recipe in wanted]])
