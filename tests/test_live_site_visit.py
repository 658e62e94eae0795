"""A visit to the live edition in a real browser: it draws, keeps, and works without network."""

import asyncio
import json
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread

import pytest
from browser import LONGEST

from playground.live import serve
from playground.live.elsewhere import ELSEWHERE
from playground.page.page import LENSES, build
from playground.page.remembering import facts
from playground.recipe import Recipe, grid_from_png

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text(encoding="utf-8")
STUDENT = Recipe(
    prompt="a red square", model="emoji-world-lcm", sampler="lcm", steps=2, seed=11, guidance=3
)
DRAWN = re.compile(r"Drawn in .*2 network calls, 2 rows by WebAssembly; LCM, w = 3, seed 11")
SPOIL = """async () => {
  const kept = await caches.open('latent-playground-files');
  for (const key of await kept.keys()) await kept.put(key, new Response(new Uint8Array(9)));
  return (await kept.keys()).length;
}"""

# How a lens shows that it is there.
LAID_OUT = {
    "Guidance": "#tradeoff-curves circle", "Samplers": "#schedules .rows",
    "Attention": "#reading .words button", "Lecture": "#lecture-stops .all button",
    "Family": "#policy svg path, #policy svg polyline", "Studio": "#explorer .words button",
}  # fmt: skip


@pytest.fixture
def folder(live_site, tmp_path):
    """An edition that can be changed: its large files are the same."""
    made = tmp_path / "site"
    shutil.copytree(live_site, made, ignore=lambda at, _: ["files"] * (Path(at) == live_site))
    (made / "files").symlink_to(live_site / "files")
    return made


@pytest.fixture
def served(folder):
    """The folder on a server that can be ended."""
    server = serve.server(folder)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def visitor(browser, served):
    """A page of a new visitor, at the served folder; nothing may go wrong, nobody else be asked."""
    address = f"http://127.0.0.1:{served.server_port}/"
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page, wrong, elsewhere = context.new_page(), [], []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    context.on(
        "request",
        lambda asked: (
            elsewhere.append(asked.url)
            if not asked.url.startswith((address, "data:", "blob:"))
            else None
        ),
    )
    page.address = address
    yield page
    context.close()
    assert wrong == []
    assert elsewhere == []


def until(page, expression: str) -> None:
    """Asked from outside, because the page's Content-Security-Policy lets no page evaluate text."""
    end = time.monotonic() + LONGEST / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(50)


def faults(page) -> list:
    """What axe-core finds serious."""
    found = page.evaluate("axe.run(document.body, { resultTypes: ['violations'] })")
    serious = [f for f in found["violations"] if f["impact"] in ("serious", "critical")]
    return [(f["id"], [node["html"] for node in f["nodes"]][:5]) for f in serious]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_visit(visitor, served, live_site, tmp_path):
    from playwright.sync_api import expect

    expect.set_options(timeout=LONGEST)
    page, status = visitor, visitor.locator("#explorer .status")
    words = page.locator("#explorer .words button")

    # a link of the other edition, on a first visit: drawn here
    page.goto(f"{page.address}?r={STUDENT.to_query()}")
    expect(page.locator("#recipe-prompt textarea")).to_have_value("a red square")
    expect(status).to_have_text(DRAWN)
    expect(words).to_have_text(["a", "red", "square"])
    expect(page.locator("#explorer .verdict")).to_contain_text("Asked: a red square. Seen:")
    # a word's pixels
    words.nth(2).hover()
    expect(page.locator("#explorer .colourbar")).not_to_have_class(re.compile("idle"))
    # the link and the file say what was drawn, and Python reads them
    link = page.locator("#explorer .keep .link").get_attribute("href")
    assert Recipe.from_query(re.search(r"[?&]r=([\w-]+)", link)[1]) == STUDENT
    with page.expect_download() as saved:
        page.locator("#explorer .keep .save").click()
    saved.value.save_as(tmp_path / "saved.png")
    assert Recipe.from_png(tmp_path / "saved.png") == STUDENT
    # every key draws
    page.locator("#recipe-prompt textarea").press_sequentially(" and a cat")
    expect(words.last).to_have_text("cat")
    expect(page.locator("#pipeline .stages")).to_contain_text("cat")
    # the saved file opens again
    page.locator("#open-file").set_input_files(tmp_path / "saved.png")
    expect(page.locator("#recipe-prompt textarea")).to_have_value("a red square")
    expect(words).to_have_text(["a", "red", "square"])
    # earlier pictures: one is compared and opened again, from what the browser kept
    square, cat = (
        page.locator(f"#earlier button[title^='“{said}”']")
        for said in ("a red square", "a red square and a cat")
    )
    square.click()
    expect(page.locator("dialog .differs")).to_contain_text("This is the picture that is shown")
    page.locator("dialog .close").click()
    cat.click()
    expect(page.locator("dialog .differs")).to_contain_text("words “a red square”")
    page.locator("dialog .reopen").click()
    expect(words.last).to_have_text("cat")
    square.click()
    page.locator("dialog .reopen").click()
    expect(words).to_have_text(["a", "red", "square"])
    # another lens follows the same run
    page.get_by_role("tab", name="Guidance").click()
    expect(page.locator("#lookahead .cost")).to_contain_text("2 network calls with 2 rows")
    page.evaluate(AXE)
    for lens, laid_out in LAID_OUT.items():
        page.get_by_role("tab", name=lens).click()
        expect(page.locator(laid_out).first).to_be_visible()
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            assert (lens, theme, faults(page)) == (lens, theme, [])
    page.emulate_media(color_scheme="light")

    # eight pictures over w follow every key
    page.get_by_role("tab", name="Guidance").click()
    page.locator("#recipe-prompt textarea").press_sequentially("s")
    expect(page.locator("#filmstrip .status")).to_contain_text("8 pictures in")
    expect(page.locator("#filmstrip .words")).to_contain_text("squares")
    page.keyboard.press("Backspace")
    # two fields at once, kept as a file; and one's own prompt, measured
    page.locator("#grid-across-values").fill("1, 3")
    page.locator("#grid-down-values").fill("11-12")
    page.locator("#grid-start").click()
    expect(page.locator("#grid .status")).to_contain_text("4 pictures in")
    with page.expect_download() as saved:
        page.locator("#grid .keep").click()
    saved.value.save_as(tmp_path / "grid.png")
    assert STUDENT in grid_from_png(tmp_path / "grid.png").values()
    page.locator("#own-values").fill("1, 3")
    page.locator("#own-values").press("Enter")
    expect(page.locator("#own-table .status")).to_contain_text("16 pictures in")
    expect(page.locator("#own-curves circle").first).to_be_visible()
    # an upload, noised; the recipe with all three models
    page.get_by_role("tab", name="Samplers").click()
    page.locator("#noising-file").set_input_files(live_site / "own-picture.png")
    expect(page.locator("#noising .status")).to_contain_text("Your picture's middle")
    page.get_by_role("tab", name="Family").click()
    page.locator("#family-start").click()
    expect(page.locator("#family .status")).to_contain_text("three pictures in")
    expect(page.locator("#family .rows")).to_contain_text("LCM, 4 steps")

    # a closer look, a position of it worked out, and an edit of its words
    page.get_by_role("tab", name="Attention").click()
    page.locator("#look-closer").click()
    worked, edits = page.locator("#worked .sum"), page.locator("#edits")
    expect(worked).to_contain_text("Step 2, row 9, column 9 of 16×16")
    page.locator("#attention canvas").first.click(position={"x": 3, "y": 3})
    expect(worked).to_contain_text("Step 2, row 1, column 1 of 16×16")
    edits.locator(".word").select_option(label="square")
    edits.locator(".by").fill("circle")
    edits.locator("button[type=submit]").click()
    expect(edits.locator(".status")).to_contain_text("3 pictures in")
    expect(edits.locator(".happened")).to_contain_text("the oracle")
    expect(edits.locator(".use").last).to_have_attribute("href", re.compile(r"[?&]r="))
    # our own picture is read
    page.locator("#own-words").fill("a unicorn")
    page.locator("#reading-start").click()
    expect(page.locator("#reading .status")).to_contain_text("“a unicorn”, read in")
    # the lecture's questions are answered by measuring
    page.get_by_role("tab", name="Lecture").click()
    page.locator("#lecture-stops .all button").last.click()
    page.locator("#lecture-check input").first.check()
    page.locator("#lecture-check-start").click()
    expect(page.locator("#lecture-check .status")).to_contain_text("1 of 5 right.")
    # a stop opens its lab with its words set, and they are drawn
    page.locator("#lecture-stops .all button").nth(2).click()
    page.locator("#lecture-stops .lab").click()
    expect(page.locator("#inside")).to_be_in_viewport()
    expect(page.locator("#now .is")).to_contain_text("a fox left of a pizza on the grass")
    page.get_by_role("tab", name="Studio").click()

    # damaged files in the browser's cache are fetched again
    assert page.evaluate(SPOIL) >= 4
    page.evaluate("navigator.serviceWorker.ready")
    page.reload()
    expect(words.first).to_have_text("a")
    draw(page, "a blue star")
    # without network: the page, the runtime and the model are here
    served.shutdown()
    served.server_close()
    page.reload()
    expect(page.locator("#recipe-prompt textarea")).to_have_value("a blue star")
    draw(page, "a green circle")


def draw(page, prompt: str) -> None:
    from playwright.sync_api import expect

    page.locator("#recipe-prompt textarea").fill(prompt)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#explorer .words button")).to_have_text(prompt.split())
    expect(page.locator("#explorer .status")).to_contain_text("2 network calls")


@pytest.mark.parametrize(
    ("without", "said", "place"),
    [
        ("delete window.WebAssembly", "no WebAssembly", "#trouble"),
        (
            "window.Worker = class { constructor() { throw new DOMException('Refused.') } }",
            "starts no workers", "#model-status",
        ),
    ],
)  # fmt: skip
def test_a_browser_that_cannot_compute_says_so(visitor, without, said, place):
    from playwright.sync_api import expect

    visitor.add_init_script(without)
    visitor.goto(visitor.address)
    expect(visitor.locator(place)).to_contain_text(said, timeout=LONGEST)
    visitor.locator("#explorer .words button").first.hover()  # the example can be explored
    expect(visitor.locator("#explorer .colourbar")).not_to_have_class(re.compile("idle"))
    visitor.locator("#draw").click()
    expect(visitor.locator("#explorer .status")).to_contain_text(said)


SAVING = "Object.defineProperty(navigator, 'connection', { value: { saveData: true } })"
# Of the served page: what speaks with its server, and lines that are empty in these lenses.
SERVER = {"visitor", "live-asked", "remember-wanted", "open-png"}
EMPTY = {f"of-{lens.name.lower()}" for lens in LENSES if lens.name not in facts.MORE}
IDS = "[...document.querySelectorAll('[id]')].map((one) => one.id)"
BUSY = "!!document.querySelector('[role=tabpanel][aria-busy]')"


@pytest.fixture(scope="module")
def elements() -> set[str]:
    """The ids of all elements of the served page."""

    async def built():  # gradio wants a loop
        return {block.elem_id for block in build().blocks.values()} - {None}

    with ThreadPoolExecutor() as threads:  # this one may have the browser's
        return threads.submit(asyncio.run, built()).result()


def test_every_part_of_the_served_page_is_here_or_says_where_it_is(visitor, elements):
    """Also what it says there: a sentence with a link, in its place."""
    visitor.add_init_script(SAVING)
    visitor.goto(visitor.address)
    for lens in LENSES:
        visitor.get_by_role("tab", name=lens.name).click()
        until(visitor, f"!{BUSY}")
    here = set(visitor.evaluate(IDS))
    told = {element for one in ELSEWHERE.values() for element in one.elements}
    assert elements - here == told | SERVER | EMPTY
    for part in [one.part for one in ELSEWHERE.values() if one.elements]:
        place = visitor.locator(f"[data-elsewhere={part}]").first
        assert place.text_content().startswith(ELSEWHERE[part].sentence)
        assert place.locator("a").get_attribute("href") == "own.html"


OTHER_FILE = """async (name) => {
  const kept = await caches.open('latent-playground-files');
  await kept.put('https://kept.invalid/' + name, new Response('of another edition'));
}"""
EDITIONS = "caches.keys().then((all) => all.filter((name) => name.includes('-page-')))"


def states_of_workers(page) -> dict[str, str]:
    """The state of every service worker that is not gone, as the browser tells it from now on."""
    states: dict[str, str] = {}

    def heard(event):
        states.update({one["versionId"]: one["status"] for one in event["versions"]})
        for gone in [name for name, status in states.items() if status == "redundant"]:
            del states[gone]

    browser = page.context.new_cdp_session(page)
    browser.on("ServiceWorker.workerVersionUpdated", heard)
    browser.send("ServiceWorker.enable")
    return states


def test_a_visit_that_draws_nothing(visitor, live_site, folder):
    """A browser that saves data fetches no model: what is left is the page itself."""
    from playwright.sync_api import expect

    expect.set_options(timeout=LONGEST)
    page, line = visitor, visitor.locator("#now")
    page.add_init_script(SAVING)
    # a link to a stop of the lecture
    page.goto(f"{page.address}?stop=4")
    expect(page.locator("#lecture-stops .title")).to_have_text("One position, worked out")
    expect(page.locator("#lecture-worked .status")).to_contain_text("Click another position")
    expect(page.locator("#lecture-worked-start")).to_contain_text("Work out the middle")
    expect(page.locator("#stop-noise")).to_be_hidden()
    expect(page.locator("#model-status")).to_contain_text("save data")
    # smaller weights, chosen before anything is fetched
    ways = page.locator("#computing summary")
    expect(ways).to_have_text("How it computes: WebAssembly, weights of 16 bits")
    ways.click()
    page.locator("#computing input[value=int8]").check()
    expect(ways).to_contain_text("weights of 8 bits")
    page.locator("#lecture-stops .next").click()
    expect(page.locator("#lecture-lookahead .cost")).to_contain_text("network calls")  # mirrored
    # what the picture is, and what is not drawn yet
    expect(line.locator(".is")).to_have_text(
        "“a cat wearing a top hat on a blue background”: DDIM, 15 steps, w = 5, seed 7, "
        "128 × 128, Emoji world."
    )
    page.locator("#recipe-seed input").fill("8")
    expect(line.locator(".stale")).to_contain_text("Changed, not drawn yet: seed 8. Ctrl+Enter")
    # files that hold no recipe
    for name, content, said in (
        ("cut.png", b"\x89PNG", "not a readable PNG"),
        ("other.png", (live_site / "own-picture.png").read_bytes(), "carries no recipe"),
    ):
        file = {"name": name, "mimeType": "image/png", "buffer": content}
        page.locator("#open-file").set_input_files(file)
        expect(page.locator("#opened-notes")).to_contain_text(said)
    # a reload keeps what was typed and how far one was
    page.reload()
    expect(page.locator("#recipe-seed input")).to_have_value("8")
    expect(ways).to_contain_text("weights of 8 bits")
    expect(page.locator("#lecture-stops .count")).to_have_text("Stop 5 of 11, 2 of 12 seen")
    assert "stop=5" in page.url
    # a new edition takes over: the page's files, and of the models' what it shares
    until(page, "!!navigator.serviceWorker.controller")
    (before,) = page.evaluate(EDITIONS)
    shared = json.loads((live_site / "site.json").read_text())["files"]
    name = next(iter(shared.values()))["sha256"]
    for one in (name, "0" * 64):
        page.evaluate(OTHER_FILE, one)
    for path, old, new in (
        ("index.html", "<title>Latent", "<title>The next Latent"),
        ("page.json", '"title":"', '"title":"The next '),
        ("sw.js", 'VERSION = "', 'VERSION = "next '),
    ):
        text = (folder / path).read_text()
        assert old in text
        (folder / path).write_text(text.replace(old, new, 1))
    page.evaluate(
        "navigator.serviceWorker.getRegistration().then((one) => one.update()).then(() => 0)"
    )
    until(page, "navigator.serviceWorker.getRegistration().then((one) => !!one.waiting)")
    page.reload()
    expect(page).to_have_title("Latent Playground")  # the older one stays whole while it is open
    address, workers = page.url, states_of_workers(page)
    page.goto("about:blank")
    while set(workers.values()) != {"activated"}:  # the browser takes the next one when it is idle
        page.wait_for_timeout(50)
    page.goto(address)
    expect(page).to_have_title("The next Latent Playground")
    until(page, f"{EDITIONS}.then((all) => all.length === 1 && all[0] !== '{before}')")
    until(
        page,
        "caches.open('latent-playground-files').then((kept) => kept.keys()).then((all) => "
        f"all.length === 1 && all[0].url.endsWith('{name}'))",
    )
