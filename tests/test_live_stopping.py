"""The static page with a worker that answers at once, and whose runs last until they are ended."""

import io

import pytest
from browser import LONGEST
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from test_live_site_visit import SAVING, folder, served, until, visitor  # noqa: F401

from playground.recipe import PNG_KEY, Recipe

STUDENT, USUAL = "emoji-world-lcm", "emoji-world"
# `runs` are all that were submitted, `end` ends one.
WORKER = """
window.runs = [];
window.Worker = class {
  postMessage({ id, ask, model, section, tasks, run, options }) {
    const say = (to, said) => this.onmessage({ data: { id: to, ...said } });
    if (ask === "start") this.options = options;
    if (ask === "submit") {
      runs.push({ section, tasks, id, end: () => say(id, { say: "end" }) });
      return;
    }
    if (ask === "cancel") runs.find((one) => one.id === run).end();
    const opened = { ...this.options, model, refused: null };
    const answers = {
      open: { facts: { name: model }, opened }, time: 1, seconds: {},
      price: { launches: 1, rows: 1, seconds: null },
    };
    say(id, { say: "answer", value: answers[ask] });
  }
  terminate() {}
};
"""
STRIPS = "runs.filter(({ section }) => section === 'live-strip')"
FOLLOW = "document.getElementById('live-strip').click()"


@pytest.fixture
def quick(visitor):  # noqa: F811
    from playwright.sync_api import expect

    expect.set_options(timeout=LONGEST)
    visitor.add_init_script(WORKER)
    return visitor


def strips(page) -> list:
    """The words and the model of every strip over w that was begun."""
    said = "({ tasks: [{ recipe }] }) => [recipe.prompt, recipe.model]"
    return page.evaluate(f"{STRIPS}.map({said})")


def follow(page, words: str) -> None:
    """As typing does, once nothing of it is under way."""
    page.locator("#recipe-prompt textarea").fill(words)
    page.evaluate(FOLLOW)


def test_the_strip_over_w_ends_with_either_stop_and_with_another_model(quick):
    page = quick
    first = Recipe(prompt="one", model=STUDENT, sampler="lcm", steps=2)
    page.goto(f"{page.address}?lens=Guidance&r={first.to_query()}")
    page.locator("#live-strip").wait_for(state="attached")
    page.locator("#live input").uncheck()
    follow(page, "one")
    until(page, f"{STRIPS}.length === 1")
    page.evaluate(FOLLOW)  # waits for the first one
    page.locator(f"#recipe-model input[value={USUAL}]").check()
    page.evaluate(f"{STRIPS}[0].end()")
    page.locator(f"#recipe-model input[value={STUDENT}]").check()
    page.locator("#live input").uncheck()
    for number, (words, stop) in enumerate((("two", "#sweep-stop"), ("three", "#stop")), start=2):
        follow(page, words)
        until(page, f"{STRIPS}.length === {number}")
        page.evaluate(FOLLOW)
        page.locator(stop).click()
    follow(page, "four")
    until(page, f"{STRIPS}.length >= 4")
    assert strips(page) == [[words, STUDENT] for words in ("one", "two", "three", "four")]


def test_a_price_is_that_of_the_recipe_that_a_file_brings(quick):
    from playwright.sync_api import expect

    page, file, info = quick, io.BytesIO(), PngInfo()
    info.add_itxt(PNG_KEY, Recipe(steps=9).to_json())
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=info)
    page.goto(f"{page.address}?lens=Guidance")
    cost = page.locator("#grid-cost")
    expect(cost).to_contain_text("12 pictures: 180 network calls")
    sent = {"name": "saved.png", "mimeType": "image/png", "buffer": file.getvalue()}
    page.locator("#open-file").set_input_files(sent)
    expect(cost).to_contain_text("12 pictures: 108 network calls")


def test_a_race_is_saved_after_a_message(quick):
    from playwright.sync_api import expect

    page = quick
    page.add_init_script(SAVING)
    page.goto(f"{page.address}?lens=Samplers")
    page.locator("#race-counts").fill("")
    page.locator("#race-start").click()
    expect(page.locator("#race .status")).to_contain_text("The list is empty")
    page.locator("#race [data-keep=png]").click()
    expect(page.locator("#race-saved")).to_have_text("Saved race.png.")
