"""Through every lens by the keyboard alone, and once more by taps on a phone."""

import pytest
from browser import DRAWN, LONGEST, painted

from playground.page.page import LENSES
from playground.recipe import Recipe

QUICK = Recipe(prompt="a red square", steps=2, seed=3)
# How a lens shows that it is there.
LAID_OUT = {
    "Studio": "#explorer .words button",
    "Guidance": "#lookahead .picture",
    "Attention": "#attention .words button",
    "Samplers": "#schedules .rows button",
    "Family": "#systems table",
    "Lecture": "#lecture-stops .title",
}
# Notes where the keyboard is whenever Tab leaves a place.
WALK = """() => {
  window.stops = new Set();
  window.been = new Set();
  document.addEventListener('focusin', ({ target }) => { window.been.add(target); });
  document.addEventListener('keydown', ({ key }) => {
    if (key === 'Tab') window.stops.add(document.activeElement);
  }, true);
}"""
# Of these places those that are not seen whole or not marked when they have the focus and nothing
# moves any more. A field for text has its caret; a point of a chart may lie under another one.
FAULTY = """async () => {
  const seen = (e) => {
    const r = e.getClientRects()[0], label = e.closest('label');
    const hit = r && document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2);
    return !!hit && (e.contains(hit) || hit.contains(e) || !!label?.contains(hit));
  };
  const ringed = (e) => [e, e.parentElement].some((one) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(one);
    return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
  });
  const own = (e) => e.matches('textarea, [type=text], [type=number]');
  const faulty = (e) => [seen(e) || 'not seen', own(e) || ringed(e) || 'not marked'];
  const found = [];
  for (const e of window.stops) {
    if (!e.checkVisibility() || e.ownerSVGElement || e.tabIndex < 0) continue;
    e.focus();
    for (let tries = 0; tries < 60 && !faulty(e).every((one) => one === true); tries++)
      await new Promise(requestAnimationFrame);
    const said = faulty(e);
    if (said.some((one) => one !== true)) found.push([e.outerHTML.slice(0, 80), ...said]);
  }
  window.stops.clear();
  document.activeElement.blur();
  return found;
}"""
# What a mouse can use in a place and Tab does not come to. Arrow keys go on from a chosen radio and
# inside a group with one stop. The strip of earlier pictures is made anew with every picture.
MISSED = """selector => {
  const place = [...document.querySelectorAll(selector)].find((one) => one.checkVisibility());
  const usable = 'a[href], button, input, select, textarea, summary, [role=button]';
  return [...place.querySelectorAll(usable)]
    .filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.disabled)
    .filter((e) => e.tabIndex >= 0 && !(e.type === 'radio' && !e.checked))
    .filter((e) => !window.been.has(e) && !e.closest('.earlier'))
    .map((e) => `${e.outerHTML.slice(0, 100)} in ${e.closest('[id]')?.id}`);
}"""
PANEL = "#lenses [role=tabpanel]"
MOST = 400  # stops of a page


def to(page, selector: str, key: str = "Tab") -> None:
    """By Tab alone."""
    for _ in range(MOST):
        if page.evaluate("s => document.activeElement?.matches(s)", selector):
            return
        page.keyboard.press(key)
    raise AssertionError(f"Tab does not come to {selector}")


def drawn(page, said: str) -> None:
    """Wait until the picture is that of a recipe of which the page says this."""
    page.wait_for_function(
        f"said => {DRAWN} && document.querySelector('#now .is').textContent.includes(said)",
        arg=said,
        timeout=LONGEST,
    )


def says(page, selector: str, text: str) -> None:
    page.wait_for_function(
        "([s, text]) => document.querySelector(s)?.textContent.includes(text)",
        arg=[selector, text],
        timeout=LONGEST,
    )


def text_of(page, selector: str) -> str:
    return page.text_content(selector)


def studio_by_keys(page) -> None:
    to(page, "#explorer .words button:nth-child(3)")  # the focus is what hovering is
    says(page, "#explorer .hint", "“square”")
    to(page, "#explorer .scrub input")
    page.keyboard.press("ArrowLeft")
    says(page, "#explorer .scrub output", "2 of 2")


def guidance_by_keys(page) -> None:
    before = text_of(page, "#lookahead .scale-out")
    to(page, "#lookahead .scale")
    page.keyboard.press("ArrowRight")
    assert text_of(page, "#lookahead .scale-out") != before


def attention_by_keys(page) -> None:
    to(page, "#look-closer")
    page.keyboard.press("Enter")
    says(page, "#attention .words", "green")
    to(page, "#attention .words button:nth-child(3)")
    says(page, "#attention .hint", "square")


def samplers_by_keys(page) -> None:
    to(page, "#race-start")
    page.evaluate("document.querySelector('#race .status').textContent = ''")
    page.keyboard.press("Space")
    says(page, "#race .status", "lanes in")
    to(page, "#errors-measured circle")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert "calls: latents" in text_of(page, "#errors-measured .said")


def family_by_keys(page) -> None:
    to(page, "#family .moment")
    before = text_of(page, "#family .moment-out")
    page.keyboard.press("Home")
    assert text_of(page, "#family .moment-out") != before


def lecture_by_keys(page) -> None:
    for button, key, title in (
        (".next", "Tab", "The learned reverse"),
        (".previous", "Shift+Tab", "Noise"),
        (".next", "Tab", "The learned reverse"),
    ):
        to(page, f"#lecture-stops {button}", key)
        page.keyboard.press("Enter")
        assert text_of(page, "#lecture-stops .title") == title


BY_KEYS = {
    "Studio": studio_by_keys,
    "Guidance": guidance_by_keys,
    "Attention": attention_by_keys,
    "Samplers": samplers_by_keys,
    "Family": family_by_keys,
    "Lecture": lecture_by_keys,
}


@pytest.mark.slow
def test_every_lens_by_the_keyboard_alone(visit):
    """One visit, because a page takes seconds to open."""
    page = visit(f"/?r={QUICK.to_query()}", viewport={"width": 1280, "height": 900})
    drawn(page, "seed 3")
    page.evaluate(WALK)
    to(page, "#recipe-prompt textarea")
    page.keyboard.press("End")
    page.keyboard.type(" on a green background")
    page.keyboard.press("Control+Enter")
    drawn(page, "on a green background")
    to(page, "#recipe-guidance [type=range]")
    page.keyboard.press("ArrowRight")  # is drawn when the key has come to rest
    drawn(page, "w = 5.1")
    to(page, "#recipe-sampler input")  # its list opens
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#recipe-sampler input').value !== 'DDIM'")
    drawn(page, page.input_value("#recipe-sampler input"))
    to(page, "#lenses [role=tab]")
    assert page.evaluate(MISSED, "#left") == []
    for lens in LENSES:
        page.locator("#lenses [role=tab]").filter(has_text=lens.name).focus()
        page.keyboard.press("Enter")
        page.wait_for_selector(LAID_OUT[lens.name], timeout=LONGEST)
        BY_KEYS[lens.name](page)
        while page.evaluate("document.activeElement !== document.body"):  # to the end of the page
            page.keyboard.press("Tab")
        assert page.evaluate(MISSED, PANEL) == [], lens.name
        assert page.evaluate(FAULTY) == [], lens.name
    for _ in range(3):  # nothing holds the keyboard: by the browser, it begins again
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement !== document.body")


# What is wider than the screen and does not scroll in a row of its own.
WIDER = """() => [...document.querySelectorAll('body *')].filter((e) => {
  if (!e.checkVisibility({ visibilityProperty: true })) return false;
  const { left, right, width } = e.getBoundingClientRect();
  if (!width || (left > -1 && right < innerWidth + 1)) return false;
  for (let up = e.parentElement; up; up = up.parentElement)
    if (getComputedStyle(up).overflowX !== 'visible') return false;
  return true;
}).map((e) => `${e.tagName} ${e.className} in ${e.closest('[id]')?.id}`)"""
# Whether at the end of the page its last control stands above what sticks to the bottom.
ENDS = """() => {
  scrollTo(0, document.documentElement.scrollHeight);
  const all = [...document.querySelectorAll('#recipe-rest button, #recipe-rest input')];
  const last = Math.max(...all.filter((e) => e.checkVisibility())
    .map((e) => e.getBoundingClientRect().bottom));
  return last <= document.querySelector('#drawing').getBoundingClientRect().top;
}"""


def studio_by_taps(page) -> None:
    page.tap("#explorer .words button:nth-child(3)")
    says(page, "#explorer .hint", "“square”")
    page.tap("#explorer .picture")
    assert page.locator("#explorer .ranking b").count() > 1


def guidance_by_taps(page) -> None:
    before = text_of(page, "#lookahead .scale-out")
    page.tap("#lookahead .scale")
    assert text_of(page, "#lookahead .scale-out") != before


def attention_by_taps(page) -> None:
    page.tap("#attention .words button:nth-child(3)")
    says(page, "#attention .hint", "square")
    page.tap("#attention .picture")
    assert page.locator("#attention .ranking b").count() > 1


def samplers_by_taps(page) -> None:
    page.locator("#errors-measured circle[data-line*=Karras]").last.tap()
    assert "calls: latents" in text_of(page, "#errors-measured .said")
    page.tap("#schedules .rows button:nth-child(4)")
    assert page.get_attribute("#schedules .rows button:nth-child(4)", "aria-pressed") == "true"


def family_by_taps(page) -> None:
    before = text_of(page, "#family .moment-out")
    page.tap("#family .moment")
    assert text_of(page, "#family .moment-out") != before


def lecture_by_taps(page) -> None:
    page.tap("#lecture-stops .next")
    assert text_of(page, "#lecture-stops .title") == "The learned reverse"


BY_TAPS = {
    "Studio": studio_by_taps,
    "Guidance": guidance_by_taps,
    "Attention": attention_by_taps,
    "Samplers": samplers_by_taps,
    "Family": family_by_taps,
    "Lecture": lecture_by_taps,
}


def test_every_lens_by_taps_on_a_phone(visit):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    page = visit(f"/?r={QUICK.to_query()}", **phone)
    drawn(page, "seed 3")
    for lens in LENSES:
        page.get_by_role("tab", name=lens.name).tap()
        page.wait_for_selector(LAID_OUT[lens.name], timeout=LONGEST)
        BY_TAPS[lens.name](page)
        painted(page)
        assert page.evaluate(WIDER) == [], lens.name
        assert page.evaluate("document.documentElement.scrollWidth") == 390, lens.name
    assert page.evaluate(ENDS)
    page.tap("#now .reach .words")  # the recipe is in reach from the end of the page
    page.keyboard.press("End")
    page.keyboard.type(" at sunset")
    page.tap("#draw")
    drawn(page, "at sunset")
