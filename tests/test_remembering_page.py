"""Nothing is lost: not by a reload, by going away or by a restarted server."""

import base64
import io
import os
import subprocess
import sys

import pytest
from browser import LONGEST, ROOT, free_port, wait_for
from PIL import Image
from test_stale_page import QUICK, fresh, line, says

from playground.recipe import Recipe

DROP = """([selector, name, data]) => {
  const moved = new DataTransfer(), target = document.querySelector(selector);
  const file = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  moved.items.add(new File([file], name, { type: 'image/png' }));
  const say = (kind) => {
    const event = new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: moved });
    target.dispatchEvent(event);
    return event.defaultPrevented;
  };
  return [say('dragover'), say('drop')];
}"""


def drop(page, selector: str, content: bytes) -> None:
    data = base64.b64encode(content).decode()
    assert page.evaluate(DROP, [selector, "a.png", data]) == [True, True]


def png_of(recipe: Recipe) -> bytes:
    file = io.BytesIO()
    recipe.save_png(Image.new("RGB", (16, 16)), file)
    return file.getvalue()


def types(page, text: str) -> None:
    """Wait until the recipe's widgets are filled with these words."""
    page.wait_for_function(
        "text => document.querySelector('#recipe-prompt textarea').value === text",
        arg=text,
        timeout=LONGEST,
    )


def kept(page, count: int) -> None:
    """Wait until so many pictures are kept."""
    page.wait_for_function(
        "count => document.querySelectorAll('.earlier li').length === count",
        arg=count,
        timeout=LONGEST,
    )


def here(page, lens: str, step: int) -> None:
    """Wait until this lens shows this step."""
    page.wait_for_function(
        "([lens, step]) => document.querySelector('[role=tab][aria-selected=true]').textContent"
        ".trim() === lens && document.querySelector('#explorer .scrub input').value == step - 1",
        arg=[lens, step],
        timeout=LONGEST,
    )


def test_a_link_says_the_place_and_a_reload_and_coming_back_lose_nothing(visit):
    page = visit(f"/?r={QUICK.to_query()}&step=2&word=3&__theme=dark")
    says(page, "seed 3")
    here(page, "Studio", 2)
    square = "#explorer .words button:nth-child(3)"
    assert page.get_attribute(square, "aria-pressed") == "true"
    kept(page, 1)
    page.get_by_role("tab", name="Guidance").click()
    page.wait_for_function("location.search.includes('lens=Guidance')")
    page.fill("#recipe-prompt textarea", "typed, not drawn")
    says(page, "words", "stale")
    drawn = page.text_content("#explorer .status")
    page.reload()
    says(page, "a red square")
    says(page, "words", "stale")
    here(page, "Guidance", 2)
    types(page, "typed, not drawn")
    assert page.get_attribute(square, "aria-pressed") == "true"
    assert "__theme=dark" in page.url
    assert page.text_content("#explorer .status") == drawn  # not drawn again: it took as long
    page.goto("about:blank")
    page.go_back()
    says(page, "a red square")
    types(page, "typed, not drawn")
    # A picture that is drawn after a link was copied is what a reload shows.
    page.keyboard.press("Control+Enter")
    says(page, "typed, not drawn")
    fresh(page)
    page.wait_for_function("r => !location.search.includes(r)", arg=QUICK.to_query())
    page.reload()
    says(page, "typed, not drawn")


@pytest.mark.slow
def test_earlier_pictures_are_compared_opened_and_deleted_and_files_are_dropped(visit):
    page = visit(f"/?r={QUICK.to_query()}", reduced_motion="reduce")
    says(page, "seed 3")
    kept(page, 1)
    drop(page, "#explorer .picture", png_of(Recipe(prompt="a panda", steps=4, seed=8)))
    says(page, "a panda")
    kept(page, 2)
    page.click(".earlier li:nth-child(2) button")
    assert "In the picture shown now" in page.text_content(".compared .differs")
    assert page.input_value(".compared .wipe") == "0.5"
    page.click(".compared .flicker")  # without motion it changes once at each press
    assert page.text_content(".compared .flicker") == "Swap"
    assert page.input_value(".compared .wipe") == "0"
    page.click(".compared .reopen")
    says(page, "seed 3")
    fresh(page)
    types(page, "a red square")
    assert page.input_value("#recipe-seed input") == "3"
    page.focus(".earlier li:nth-child(1) button")
    page.keyboard.press("Delete")
    kept(page, 1)
    # What is no recipe is said in a sentence; the page stays as it is.
    plain = io.BytesIO()
    Image.new("RGB", (16, 16)).save(plain, "PNG")
    drop(page, "body", plain.getvalue())
    says(page, "carries no recipe", "doing")
    assert line(page).startswith("“a red square”")


@pytest.fixture
def server():
    """A server of its own that can be ended and started again at the same address."""
    port, running = free_port(), []
    environment = os.environ | {"GRADIO_SERVER_PORT": str(port), "GRADIO_SERVER_NAME": "127.0.0.1"}
    address = f"http://127.0.0.1:{port}"

    def start() -> str:
        running.append(subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment))
        wait_for(address, running[-1])
        return address

    def kill() -> None:
        running[-1].kill()
        running[-1].wait()

    yield start, kill
    kill()


@pytest.mark.slow
def test_a_dead_server_is_said_and_what_was_typed_outlives_its_restart(browser, server):
    start, kill = server
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    try:
        page.goto(f"{start()}/?r={QUICK.to_query()}")
        says(page, "seed 3")
        kept(page, 1)
        page.fill("#recipe-steps input[type=number]", "100")
        page.keyboard.press("Enter")
        says(page, "Call ", "doing")
        kill()
        says(page, "The server does not answer.", "doing")
        page.fill("#recipe-prompt textarea", "typed meanwhile")
        says(page, "words, 100 steps", "stale")
        page.evaluate("window.before = true")
        start()
        page.wait_for_function("!window.before && document.querySelector('#now')", timeout=LONGEST)
        says(page, "a red square")
        says(page, "words, 100 steps", "stale")
        types(page, "typed meanwhile")
    finally:
        page.close()
