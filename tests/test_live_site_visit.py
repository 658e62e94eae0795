"""A visit to the live edition in a real browser: it draws, keeps, and works without network."""

import json
import re
from pathlib import Path
from threading import Thread

import pytest
from browser import LONGEST

from playground.live import node, page_files, serve
from playground.recipe import Recipe

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
    "Guidance": "#tradeoff table", "Samplers": "#schedules .rows",
    "Studio": "#explorer .words button",
}  # fmt: skip


def test_a_download_goes_on_where_it_broke(tmp_path):
    for path, text in page_files.modules().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(text)
    script = Path(__file__).parent / "live" / "fetching.mjs"
    found = json.loads(node.run(script, str(tmp_path)))
    for case in ("whole", "broken", "twice", "rangeless", "damaged"):
        assert found[case]["equal"], found[case]
        assert found[case]["told"], found[case]
    assert found["whole"]["asked"] == [None]
    assert found["damaged"]["asked"] == [None, None]  # from the beginning
    for case in ("broken", "twice", "rangeless"):
        first, *more = found[case]["asked"]
        assert first is None
        assert all(re.fullmatch(r"bytes=\d+-", range_) for range_ in more)
        assert more
    assert "incomplete" in found["missing"]["error"]
    assert len(found["missing"]["asked"]) == 1
    assert "the server answered 503" in found["down"]["error"]


@pytest.fixture
def served(live_site):
    """The folder on a server that can be ended."""
    server = serve.server(live_site)
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


def faults(page) -> list:
    """What axe-core finds serious."""
    found = page.evaluate("axe.run(document.body, { resultTypes: ['violations'] })")
    serious = [f for f in found["violations"] if f["impact"] in ("serious", "critical")]
    return [(f["id"], [node["html"] for node in f["nodes"]][:5]) for f in serious]


@pytest.mark.slow
def test_a_visit(visitor, served, tmp_path):
    from playwright.sync_api import expect

    expect.set_options(timeout=LONGEST)
    page, status = visitor, visitor.locator("#explorer .status")
    words = page.locator("#explorer .words button")

    # a link of the other edition, on a first visit: drawn here
    page.goto(f"{page.address}?r={STUDENT.to_query()}")
    expect(page.locator("#recipe-prompt textarea")).to_have_value("a red square")
    expect(status).to_have_text(DRAWN)
    expect(words).to_have_text(["a", "red", "square"])
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
    # another lens follows the same run
    page.get_by_role("tab", name="Guidance").click()
    expect(page.locator("#lookahead .cost")).to_contain_text("2 network calls with 2 rows")
    page.evaluate(AXE)
    for lens, laid_out in LAID_OUT.items():
        page.get_by_role("tab", name=lens).click()
        expect(page.locator(laid_out).first).to_be_visible()
        assert (lens, faults(page)) == (lens, [])

    # damaged files in the browser's cache are fetched again
    assert page.evaluate(SPOIL) >= 4
    page.evaluate("navigator.serviceWorker.ready")
    page.reload()
    expect(status).to_have_text(DRAWN)
    # without network: the page, the runtime and the model are here
    served.shutdown()
    served.server_close()
    page.reload()
    expect(page.locator("#recipe-prompt textarea")).to_have_value("a red square")
    expect(status).to_have_text(DRAWN)


def test_a_browser_that_cannot_compute_says_so(visitor):
    from playwright.sync_api import expect

    visitor.add_init_script("delete window.WebAssembly")
    visitor.goto(visitor.address)
    expect(visitor.locator("#trouble")).to_contain_text("no WebAssembly", timeout=LONGEST)
    visitor.locator("#explorer .words button").first.hover()  # the example can be explored
    expect(visitor.locator("#explorer .colourbar")).not_to_have_class(re.compile("idle"))
    visitor.locator("#draw").click()
    expect(visitor.locator("#explorer .status")).to_contain_text("no WebAssembly")
