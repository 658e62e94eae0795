"""The page in a real browser: what a visitor does first."""

import base64
import io

import pytest
from browser import DRAWN, LONGEST, answered, asked

from playground.recipe import Recipe


def status(page) -> str:
    return page.text_content("#explorer .status")


def pixels(page) -> bytes:
    data = page.evaluate("document.querySelector('#explorer .picture').toDataURL()")
    return base64.b64decode(data.split(",")[1])


def chips(page) -> list[str]:
    return page.locator("#explorer .words button").all_text_contents()


def draw(page, prompt: str) -> None:
    """Type and press Draw; returns when the picture of exactly these words is there."""
    page.fill("#recipe-prompt textarea", prompt)
    page.evaluate("document.querySelector('#explorer .status').textContent = ''")
    page.click("#draw")
    page.wait_for_function(DRAWN)


def saved_recipe(page) -> Recipe:
    href = page.get_attribute("#explorer .save", "href")
    return Recipe.from_png(io.BytesIO(base64.b64decode(href.split(",")[1])))


def test_opens_with_a_finished_example(visit):
    page = visit()
    page.wait_for_function(DRAWN)
    assert chips(page) == Recipe().prompt.split()
    assert page.locator("#pipeline .stage").count() == 6


# How often the page asks for a frame, from before its first script on.
COUNT_FRAMES = """
const frame = window.requestAnimationFrame.bind(window);
window.frames_asked = 0;
window.requestAnimationFrame = (work) => { window.frames_asked += 1; return frame(work); };
"""


def test_at_rest_nothing_moves(browser, address):
    """Gradio's clocks would ask for 60 frames a second: see page/hosting/calm.js."""
    page = browser.new_page()
    page.add_init_script(COUNT_FRAMES)
    page.goto(address)
    page.wait_for_function(DRAWN, timeout=LONGEST)
    # Two frames apart by half a second of the page's own clock, at rest.
    page.wait_for_function(
        """() => {
          const before = window.counted ?? [performance.now(), -1e9];
          if (performance.now() - before[0] < 500 && window.counted) return false;
          const calm = window.frames_asked - before[1] < 10;
          window.counted = [performance.now(), window.frames_asked];
          return calm;
        }""",
        polling=50, timeout=LONGEST,
    )  # fmt: skip
    page.close()


def test_type_draw_and_save(visit):
    page = visit()
    before = pixels(page)
    draw(page, "a red square")
    assert chips(page) == ["a", "red", "square"]
    assert pixels(page) != before
    assert saved_recipe(page) == Recipe(prompt="a red square")


def test_hovering_a_word_lights_its_pixels(visit):
    page = visit()
    page.wait_for_function(DRAWN)
    page.mouse.move(0, 0)
    plain = pixels(page)
    page.hover("#explorer .words button:nth-child(2)")
    page.wait_for_function("document.querySelector('#explorer .hint').textContent.includes('cat')")
    assert pixels(page) != plain
    page.mouse.move(0, 0)
    assert pixels(page) == plain


def test_hovering_or_walking_over_the_picture_ranks_words(visit):
    page = visit()
    page.wait_for_function(DRAWN)
    page.hover("#explorer .picture")
    assert page.locator("#explorer .ranking b").count() == 6
    assert "on" not in page.locator("#explorer .ranking b").all_text_contents()
    assert "Without “a”, “on”, which got" in page.text_content("#explorer .ranking")
    page.mouse.move(0, 0)
    page.focus("#explorer .picture")
    page.keyboard.press("ArrowLeft")
    shares = page.locator("#explorer .ranking span").all_text_contents()
    values = [float(share.removesuffix(" %")) for share in shares]
    assert values == sorted(values, reverse=True)
    assert 0 < sum(values) <= 101


def test_scrubbing_asks_the_server_nothing(visit):
    page = visit()
    page.wait_for_function(DRAWN)
    requests = asked(page)
    finished = pixels(page)
    page.focus("#explorer .scrub input")
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    steps = Recipe().steps
    assert f"{steps - 4} of {steps}" in page.text_content("#explorer .scrub output")
    assert pixels(page) != finished
    assert requests == []


PANDA = "document.querySelector('#explorer .words').textContent.includes('panda')"


def test_stop_in_the_middle_and_draw_again(visit):
    large = Recipe(prompt="a panda", width=256, height=256, steps=4)  # so that there is a middle
    page = visit(f"/?r={large.to_query()}")
    page.wait_for_function(f"{DRAWN} && {PANDA}")
    before, said = pixels(page), status(page)
    answered(page, lambda: page.click("#stop"))
    assert status(page) == said  # there was nothing to stop
    page.fill("input[aria-label='number input for Steps']", "100")
    page.click("#draw")
    page.wait_for_function(
        "document.querySelector('#explorer .status').textContent.startsWith('Call')"
    )
    page.click("#stop")
    page.wait_for_function(
        "document.querySelector('#explorer .status').textContent.startsWith('Stopped.')"
    )
    answered(page, lambda: page.click("#stop"))  # what was on its way has come before this
    assert status(page) == "Stopped. This is the picture before."
    assert (chips(page), pixels(page)) == (["a", "panda"], before)
    page.fill("input[aria-label='number input for Steps']", "5")
    draw(page, "a panda at the beach")
    assert "5 network calls" in status(page)


def test_html_in_a_prompt_is_text(visit):
    page = visit()
    draw(page, "a <img src=x onerror=window.pwned=1> cat")
    assert "<img" in chips(page)
    assert page.evaluate("window.pwned") is None
    assert "never seen" in page.text_content("#explorer .notes")


def test_no_words_is_said(visit):
    page = visit()
    page.fill("#recipe-prompt textarea", "")
    page.click("#draw")
    page.wait_for_function("document.querySelector('#explorer .notes').textContent != ''")
    assert "unconditional" in page.text_content("#explorer .notes")


def test_punctuation_alone_is_no_words_either(visit):
    page = visit()
    draw(page, "?!")
    assert "unconditional" in page.text_content("#explorer .notes")


def test_an_unknown_word_is_named_once(visit):
    page = visit()
    draw(page, "dragon, dragon and a dragon")
    assert page.text_content("#explorer .notes") == "The model has never seen: dragon."


@pytest.mark.parametrize("typed", ["99", ""])
def test_a_number_out_of_bounds_is_a_sentence_of_ours(typed, visit):
    page = visit()
    page.get_by_role("tab", name="Samplers").click()
    page.wait_for_selector("#race-cost:has-text('network calls')")
    failed = []
    page.on("response", lambda response: failed.append(response.url) if not response.ok else None)
    page.fill("input[aria-label='number input for Guidance scale w']", typed)
    page.wait_for_selector("#race-cost:has-text('Guidance scale w must be')")
    assert failed == []
    assert page.locator(".toast-body").count() == 0


def test_a_seed_that_is_no_whole_number_is_refused_and_stays(visit):
    page = visit()
    page.fill("#recipe-seed input", "1.5")
    page.click("#draw")
    page.wait_for_selector("#explorer .status.error")
    assert status(page) == "Seed must be a whole number."
    assert page.input_value("#recipe-seed input") == "1.5"


def test_too_many_words_are_refused_and_kept(visit):
    page = visit()
    before, words = pixels(page), "cat " * 100
    page.fill("#recipe-prompt textarea", words)
    page.click("#draw")
    page.wait_for_selector("#explorer .status.error")
    assert "400 characters" in status(page)
    assert page.input_value("#recipe-prompt textarea") == words
    assert pixels(page) == before


def test_a_link_fills_the_recipe_and_draws(visit):
    recipe = Recipe(prompt="a blue circle", guidance=3.0, seed=11, steps=4)
    page = visit(f"/?r={recipe.to_query()}")
    page.wait_for_function(DRAWN)
    page.wait_for_function(
        "document.querySelector('#explorer .status').textContent.includes('seed 11')"
    )
    assert page.input_value("#recipe-prompt textarea") == "a blue circle"
    assert saved_recipe(page) == recipe


def test_a_damaged_link_is_one_sentence_and_the_example_stays(visit):
    page = visit("/?r=nonsense!")
    page.wait_for_selector("#now .doing.error")
    assert "This link is damaged" in page.text_content("#now .doing")
    assert chips(page) == Recipe().prompt.split()


def test_phone_width_and_touch(visit):
    page = visit(viewport={"width": 390, "height": 844}, has_touch=True)
    page.tap("#to-rest")
    page.wait_for_function(
        "document.querySelector('#recipe-steps').getBoundingClientRect().bottom < innerHeight"
    )
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_function(DRAWN)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    plain = pixels(page)
    page.tap("#explorer .words button:nth-child(2)")
    assert page.get_attribute("#explorer .words button:nth-child(2)", "aria-pressed") == "true"
    assert pixels(page) != plain


def test_every_lens_is_in_sight_on_the_narrowest_phone(visit):
    page = visit(viewport={"width": 320, "height": 640}, has_touch=True)
    assert page.locator("[role=tab]:visible").all_text_contents() == [
        "Studio", "Guidance", "Attention", "Samplers", "Family", "Lecture",
    ]  # fmt: skip
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("width", [390, 820, 1024, 1300])
def test_the_picture_is_never_a_thumbnail(width, visit):
    page = visit(viewport={"width": width, "height": 900})
    assert page.locator("#explorer .picture").bounding_box()["width"] >= 256


def test_a_link_to_an_unknown_sampler_names_the_known_ones_as_text(visit):
    recipe = Recipe(sampler="<b>x</b>")
    page = visit(f"/?r={recipe.to_query()}")
    page.wait_for_selector("#now .doing.error")
    text = page.text_content("#now .doing")
    assert "<b>x</b>" in text
    assert "dpmpp_2m" in text
    assert page.input_value("#recipe-prompt textarea") == Recipe().prompt


CONTRAST = """selector => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => channels(colour).slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const text = document.querySelector(selector);
  let ground = text;
  while (ground && channels(getComputedStyle(ground).backgroundColor)[3] === 0)
    ground = ground.parentElement;
  const both = [getComputedStyle(text).color, getComputedStyle(ground).backgroundColor].map(light);
  return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
}"""  # of WCAG 2.2; a ground is the nearest one that is not see-through


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_faint_words_and_links_can_be_read(theme, visit):
    page = visit(f"/?__theme={theme}")
    page.wait_for_function(DRAWN)
    for selector in ("#explorer .status", "#explorer .save", "#pipeline .stage p"):
        assert page.evaluate(CONTRAST, selector) >= 4.5, selector


@pytest.mark.parametrize(
    ("lens", "last"),
    [("Guidance", "#filmstrip"), ("Attention", "#edits"), ("Samplers", "#schedules")],
)
def test_every_choice_looks_like_one(lens, last, visit):
    """Gradio takes the arrow from every `select` that does not ask for it."""
    page = visit()
    page.get_by_role("tab", name=lens).click()
    page.wait_for_selector(f"{last} select", state="attached")
    found = page.evaluate(
        "[...document.querySelectorAll('#lenses select')].map(s => getComputedStyle(s).appearance)"
    )
    assert set(found) == {"auto"}
