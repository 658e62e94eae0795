"""What the static page does when it is stopped, asked again or changed: its modules in a browser,
without models.
"""

import json
from threading import Thread

import pytest
from modules import page_modules
from test_live_site_page import facts  # noqa: F401

from playground.live import page_files, serve
from playground.live.page_data import page_data

ABOUT = """
import { About } from "./js/page/about.js";
const json = async (name) => (await fetch(name)).json();
export const about = new About(await json("site.json"), await json("page.json"));
"""


@pytest.fixture
def bare(page, facts, tmp_path):  # noqa: F811
    """A bare page beside the modules, and what they know of models and of the page."""
    page_modules(tmp_path)
    models = [model | {"files": {}} for model in facts["models"]]
    site = facts | {"models": models, "runtime": {"version": "1"}}
    texts = {
        "index.html": "<!doctype html><link rel=icon href=data:,>", "about.js": ABOUT,
        "site.json": json.dumps(site), "page.json": json.dumps(page_data()),
        "views/saved.js": page_files.module(page_files.VIEWS["saved"]),
    }  # fmt: skip
    for path, text in texts.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    with serve.server(tmp_path) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        yield page
        server.shutdown()


# Two models: the first arrives only after `then` and what follows it.
LATE = """async (then) => {
  const { Section } = await import("/js/page/section.js");
  const { Engine, Session } = await import("/js/engine/session.js");
  const asked = [], shown = [], arrive = [];
  const worker = { postMessage: ({ tasks: [{ recipe }] }) => asked.push(recipe) };
  const session = new Session(new Engine("", worker), {}, {});
  const arriving = () => new Promise((resolve) => arrive.push(() => resolve(session)));
  const app = { session: arriving, sentence: String };
  const words = { message: (text) => text, stopped: () => "stopped" };
  const section = new Section(app, "race", "Race", (value) => shown.push(value), words);
  const work = (recipe) => async (given) => {
    given.submit(await given.session(recipe), [{ recipe }]);
  };
  section.work = work("first");
  const first = section.start();
  const second = then === "stop" ? section.stop() : section.begin(work("second"));
  for (const one of arrive.reverse()) {
    one();
    await null;
  }
  await Promise.all([first, second]);
  return { asked, shown };
}"""


def test_what_was_stopped_or_replaced_before_its_model_is_there_does_not_begin(bare):
    assert bare.evaluate(LATE, "stop") == {"asked": [], "shown": ["stopped"]}
    assert bare.evaluate(LATE, "start") == {"asked": ["second"], "shown": []}


KEPT = """async () => {
  const { Kept } = await import("/js/page/kept.js"), kept = new Kept();
  for (let i = 0; i < 512; i++) kept.put(`${i}`, `${i}`);
  kept.get("0");
  kept.put("1", "again");
  kept.put("new", "new");
  return ["0", "1", "2", "3"].map((link) => kept.get(link) ?? null);
}"""


def test_the_pictures_that_were_asked_for_last_are_kept(bare):
    assert bare.evaluate(KEPT) == ["0", "again", None, "3"]


COMPUTING = """
  const { about } = await import("/about.js"), { Kept } = await import("/js/page/kept.js");
  const { Computing } = await import("/js/page/computing.js");
  const { Models, SlowerError } = await import("/js/page/opening.js");
  const told = [], panel = { model: "emoji-world", told: (event) => told.push(event) };
  const app = {
    about, panel, kept: new Kept(), models: new Models(""), drawing: { asked: 0 },
    onModel() {}, sentence: String,
  };
  const computing = new Computing(app, document.body);
"""
CHOSEN = f"""async () => {{
  {COMPUTING}
  const found = [];
  app.models.ready.set("emoji-world", {{ opened: {{}} }});
  app.kept.put("link", "picture");
  for (const changed of [Promise.reject("no"), Promise.resolve(null)]) {{
    app.models.change = () => changed;
    await computing.choose({{ weights: "int8" }});
    found.push(app.kept.get("link") ?? null);
  }}
  return {{ found, told }};
}}"""


def test_pictures_of_other_weights_are_not_reused(bare):
    """Kept while the change fails; prices are told anew after it."""
    assert bare.evaluate(CHOSEN) == {"found": ["picture", None], "told": ["typed"]}


RUNNING = """
  const { about } = await import("/about.js"), { Kept } = await import("/js/page/kept.js");
  const { drawn } = await import("/js/page/racing.js");
  const grid = await import("/js/page/data/grid.js");
  const app = { about, kept: new Kept() }, link = (recipe) => about.recipes.toQuery(recipe);
  const ask = { link: link(about.usual), across: "seed", columns: "1, 2", down: "nothing" };
  const plan = grid.plan(about, ask);
  for (const recipe of plan.recipes) app.kept.put(link(recipe), { png: "picture" });
"""
ENDING = f"""async () => {{
  {RUNNING}
  for await (const moment of drawn(app, {{}}, plan.recipes)) {{
    app.kept = new Kept();
    return grid.shown(app, plan, "1", moment).cells[0].map(({{ png }}) => png);
  }}
}}"""
BEGINNING = f"""async () => {{
  {RUNNING}
  const asked = [], other = new Kept();
  const session = async () => void (app.kept = other), submit = (_, recipes) => {{
    asked.push(recipes.map(({{ seed }}) => seed));
    return [];
  }};
  const more = plan.recipes.concat({{ ...about.usual, seed: 3 }});
  for await (const _ of drawn(app, {{ session, submit, newest: () => true }}, more));
  return asked;
}}"""


def test_a_grid_shows_its_pictures_though_weights_change_while_it_ends(bare):
    assert bare.evaluate(ENDING) == ["picture", "picture"]


def test_nothing_is_reused_if_weights_change_before_the_models_are_there(bare):
    assert bare.evaluate(BEGINNING) == [[1, 2, 3]]


TRIED = f"""async (then) => {{
  const {{ kept }} = await import("/js/page/choosing.js");
  Object.defineProperty(navigator, "hardwareConcurrency", {{ value: 4 }});
  {COMPUTING}
  const errors = {{ broken: new Error("It broke."), slower: new SlowerError([1, 2]) }};
  if (then === "nothing") {{
    window.Worker = null; // so that the first load fails
    await app.models.session("emoji-world").catch(() => {{}});
  }} else {{
    app.models.ready.set("emoji-world", {{ opened: {{}} }});
    app.models.change = () => Promise.reject(errors[then]);
  }}
  await computing.tryThreads();
  return [computing.tried, kept().tried].map((tried) => tried?.threads ?? null);
}}"""


@pytest.mark.parametrize(("then", "threads"), [("nothing", None), ("broken", None), ("slower", 1)])
def test_one_thread_is_kept_only_if_several_were_slower(bare, then, threads):
    assert bare.evaluate(TRIED, then) == [threads, threads]


OPENED = """async () => {
  const { App } = await import("/js/page/app.js"), place = document.createElement("div");
  const app = Object.create(App.prototype);
  Object.assign(app, { frames: { saved: { text: "before" } }, views: {} });
  const opening = app.follow("saved", place);
  app.show({ saved: { text: "after" } });
  await opening;
  return place.textContent.trim();
}"""


def test_a_view_that_is_opened_as_a_run_ends_shows_that_run(bare):
    assert bare.evaluate(OPENED) == "after"
