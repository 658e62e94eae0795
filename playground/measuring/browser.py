"""The edition that runs in a browser, in headless Chromium, beside the engine in Python.

One browser visits a folder of `python -m playground.live`: first with nothing kept, then again;
then both editions draw the same recipes in turn, on one thread each. Figures go into
assets/hosting.json, and from there into docs/measurements.md.
"""

import itertools
import json
import os
import re
import runpy
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread

import torch

from playground.client import Playground
from playground.measuring import docs, report
from playground.measuring.load_tables import FIGURES
from playground.measuring.scores import pictures
from playground.models import specs
from playground.recipe import Recipe

ROUNDS, REDRAWN, PAUSE = (
    5,
    30,
    30,
)  # rounds of drawing; pictures while w moves, and ms between moves
LONGEST = 300_000  # ms


def _recipe(model: str, **changes) -> Recipe:
    usual = specs.get(model).defaults
    return Recipe.for_model(model, {**usual, "prompt": "a red square next to a cat", **changes})


FIRST = _recipe("emoji-world", steps=15, seed=101)
STUDENT = _recipe("emoji-world-lcm", steps=4, seed=201)
FLOW = _recipe("emoji-world-flow", seed=301)
DRAWN = "text => document.querySelector('#explorer .status')?.textContent.endsWith(text)"
# Another number for each picture that is shown.
READY = """() =>
  document.querySelector('#explorer[data-ready], #explorer [data-ready]').dataset.ready"""
JUDGED = """() => {
  const box = document.querySelector('#explorer .verdict');
  return !box.hidden && box.textContent.includes('Seen');
}"""
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# Without the page: what one picture takes, stage by stage.
ENGINE = """async (models) => {
  const { Engine } = await import(new URL('js/engine/session.js', document.baseURI));
  const engine = new Engine(new URL('site.json', document.baseURI));
  await engine.start({ provider: 'wasm', threads: 1 });
  window.sessions = Object.fromEntries(
    await Promise.all(models.map(async (name) => [name, await engine.open(name)])));
}"""
DRAW = """async (recipe) => {
  const start = performance.now();
  for await (const event of window.sessions[recipe.model].submit([recipe], { record: true })) {
    if (event.kind === 'failure') throw new Error(event.reason);
    if (event.kind !== 'picture') continue;
    const seconds = (performance.now() - start) / 1000;
    return { seconds, call: event.seconds.network / event.calls };
  }
}"""
# Moves w until the picture has become another one so often, and notes when.
DRAG = """async ([pictures, pause, longest]) => {
  const slider = document.querySelector('#recipe-guidance input[type=range]'), times = [];
  const watched = new MutationObserver(() => times.push(performance.now()));
  watched.observe(document.querySelector('#explorer'),
    { subtree: true, attributes: true, attributeFilter: ['data-ready'] });
  const live = document.querySelector('#live input'), start = performance.now();
  if (!live.checked) live.click();
  for (let i = 0; times.length < pictures && performance.now() - start < longest; i++) {
    slider.value = String(1 + (i % 20) / 2);
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    await new Promise((resume) => setTimeout(resume, pause));
  }
  watched.disconnect();
  return times;
}"""


@dataclass
class Folder:
    """A folder on its own server, which counts the bytes that it sends."""

    address: str
    bytes: int = 0


@contextmanager
def served(folder: Path) -> Iterator[Folder]:
    server_file = runpy.run_path(str(folder / "serve.py"))

    class Counted(server_file["Handler"]):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def copyfile(self, source, outputfile) -> None:
            found.bytes += os.fstat(source.fileno()).st_size
            super().copyfile(source, outputfile)

    with server_file["ThreadingHTTPServer"](("127.0.0.1", 0), Counted) as server:
        found = Folder(f"http://127.0.0.1:{server.server_port}/")
        Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


def measure(folder: Path = Path("build/live"), count: int = ROUNDS) -> None:
    """Everything, once, with a folder that is written first if it is not of this code."""
    subprocess.run([sys.executable, "-m", "playground.live", str(folder)], check=True)
    found = compare(folder, count)
    print(json.dumps(found, indent=1), flush=True)
    known = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    FIGURES.write_text(json.dumps(known | {"live": found}, indent=1) + "\n", encoding="utf-8")
    docs.write()


def compare(folder: Path, count: int) -> dict:
    """A folder's edition in Chromium beside Python, `count` rounds of drawing."""
    busy = os.getloadavg()[0]
    torch.set_num_threads(1)
    with served(folder) as site, chromium() as browser:
        visits = [visitor(browser, site) for _ in range(count)]
        found = {name: statistics.median(each[name] for each in visits) for name in visits[0]} | {
            "least": min(each["second"] for each in visits)
        }
        page = new_page(browser)
        visit(page, site, FIRST)
        memory = {"one": memory_of(browser)}
        visit(page, site, STUDENT)
        found["redraw"] = redraws(page)
        for recipe in (FIRST, FLOW):
            choose(page, recipe)
        memory["all"] = memory_of(browser)
        page.goto(f"{site.address}manifest.json")  # nothing else is computed there
        page.evaluate(ENGINE, [FIRST.model, STUDENT.model])
        found |= {"memory": memory, "drawn": in_turn(page, count)}
        version = browser.version
    return found | {
        "chromium": version, "rounds": count, "busy": round(busy, 1), "pause": PAUSE,
    } | report.environment()  # fmt: skip


@contextmanager
def chromium(arguments: Sequence[str] = ARGUMENTS):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = play.chromium.launch(executable_path=path, args=list(arguments))
        try:
            yield browser
        finally:
            browser.close()


def new_page(browser):
    """A page of a visitor of whom nothing is kept."""
    return browser.new_context(viewport={"width": 1280, "height": 900}).new_page()


def visitor(browser, site: Folder) -> dict[str, float]:
    """Seconds of a first visit and of the second, and the bytes that each asked for."""
    page, before = new_page(browser), site.bytes
    first = visit(page, site, FIRST)
    page.evaluate("navigator.serviceWorker.ready.then(() => {})")
    kept, context = site.bytes - before, page.context
    page.close()
    second = visit(context.new_page(), site, replace(FIRST, seed=FIRST.seed + 1))
    context.close()
    return {
        "bytes": kept, "first": first, "second": second, "second_bytes": site.bytes - before - kept,
    }  # fmt: skip


def visit(page, site: Folder, recipe: Recipe) -> float:
    """Seconds from asking for the page to the recipe's own picture on it."""
    start = time.perf_counter()
    page.goto(f"{site.address}?r={recipe.to_query()}")
    page.wait_for_function(DRAWN, arg=f"seed {recipe.seed}.", timeout=LONGEST)
    seconds = time.perf_counter() - start
    page.wait_for_function(JUDGED, timeout=LONGEST)  # the oracle comes after the picture
    return round(seconds, 2)


def choose(page, recipe: Recipe) -> None:
    """Take another model, which draws at once."""
    before = page.evaluate(READY)
    page.locator(f"#recipe-model input[value={recipe.model}]").evaluate("input => input.click()")
    page.wait_for_function(f"before => ({READY})() !== before", arg=before, timeout=LONGEST)


def redraws(page) -> dict:
    """Milliseconds between pictures while w is dragged, median and 95th percentile."""
    times = page.evaluate(DRAG, [REDRAWN, PAUSE, LONGEST / 5])
    between = [b - a for a, b in itertools.pairwise(times)]
    if len(between) < 3:
        raise RuntimeError("The slider was moved and nothing was drawn.")
    return {
        "pictures": len(times), "median": round(statistics.median(between)),
        "p95": round(statistics.quantiles(between, n=20)[-1]),
    }  # fmt: skip


def memory_of(browser) -> dict[str, int]:
    """MB of the largest renderer: resident, and its share of what processes have in common."""
    said = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    pids = [one["id"] for one in said if one["type"] == "renderer"]
    return max((_resident(pid) for pid in pids), key=lambda found: found["resident"])


def _resident(pid: int) -> dict[str, int]:
    said = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    kilobytes = {
        name: int(number) for name, number in re.findall(r"^(Rss|Pss): +(\d+)", said, re.M)
    }
    return {"resident": kilobytes["Rss"] // 1000, "share": kilobytes["Pss"] // 1000}


@contextmanager
def one_core() -> Iterator[None]:
    """All threads of this process on one core: the engine computes half of a call's rows in each
    of two threads, and the browser has one.
    """
    cores = os.sched_getaffinity(0)

    def keep_to(these: set[int]) -> None:
        for thread in Path("/proc/self/task").iterdir():
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.sched_setaffinity(int(thread.name), these)

    keep_to({min(cores)})
    try:
        yield
    finally:
        keep_to(cores)


def in_turn(page, count: int) -> dict:
    """Both recipes in both editions, in turn: medians of seconds, and of their ratio."""
    found = {}
    for name, recipe in {"U-Net": FIRST, "student": STUDENT}.items():
        playground, rounds = Playground(recipe.model, prepared=True), []
        for n in range(count + 1):
            one = replace(recipe, seed=recipe.seed + n)
            there = page.evaluate(DRAW, vars(one))
            with one_core():
                start = time.perf_counter()
                (picture,) = pictures(playground, [one], record=True)
                seconds = time.perf_counter() - start
            call = picture.seconds["network"] / picture.calls
            rounds.append({
                "browser": there["seconds"], "python": seconds, "call": there["call"],
                "python_call": call, "ratio": there["call"] / call,
            })  # fmt: skip
        warm = rounds[1:]
        found[name] = {k: round(statistics.median(r[k] for r in warm), 4) for k in warm[0]} | {
            "steps": recipe.steps, "sampler": recipe.sampler, "network": picture.networks[0],
        }  # fmt: skip
    return found
