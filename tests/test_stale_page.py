"""What the picture is, and whether the recipe is still its own, is said wherever one is."""

import re

import pytest
from browser import LONGEST, asked

from playground.recipe import Recipe

# On a slow machine the value of a choice is told long after the choice: it is drawn all the same.
TOLD_LATE = """() => new Promise((drawn) => {
  const tell = (name, ...detail) => document.dispatchEvent(new CustomEvent(name, { detail }));
  const told = (sampler) => tell("playground:changed", "sampler", sampler);
  const asked = () => { told("euler"); drawn(); };
  document.addEventListener("playground:asked", asked, { once: true });
  tell("playground:settled");
  setTimeout(() => told("ddim"), 600);
})"""
QUICK = Recipe(prompt="a red square", steps=4, seed=3)
LENSES = ("Studio", "Guidance", "Attention", "Samplers", "Family")


def line(page, part: str = "is") -> str:
    return page.text_content(f"#now .{part}")


def says(page, text: str, part: str = "is") -> None:
    """Wait until the line under Draw says it."""
    page.wait_for_function(
        "([part, text]) => document.querySelector(`#now .${part}`)?.textContent.includes(text)",
        arg=[part, text],
        timeout=LONGEST,
    )


def fresh(page) -> None:
    """Wait until nothing is drawn and nothing waits to be drawn."""
    page.wait_for_function(
        "document.querySelector('#now .stale').hidden && !document.querySelector('#now .progress')"
        ".checkVisibility()",
        timeout=LONGEST,
    )


@pytest.fixture
def quick(visit):
    """A page whose recipe is drawn soon."""

    def opener(**options):
        page = visit(f"/?r={QUICK.to_query()}", **options)
        says(page, "seed 3")
        fresh(page)
        return page

    return opener


def test_every_field_is_drawn_when_settled_and_marked_until_then(quick):
    page = quick()
    assert line(page).startswith("“a red square”: DDIM, 4 steps, w = 5, seed 3, 128 × 128, Emoji")
    # Typed, it is marked; Ctrl+Enter draws from anywhere.
    page.fill("#recipe-prompt textarea", "a blue circle")
    says(page, "Changed, not drawn yet: words", "stale")
    page.get_by_role("tab", name="Guidance").focus()
    page.keyboard.press("Control+Enter")
    says(page, "a blue circle")
    fresh(page)
    # An arrow key on a slider, Enter in a number box, a choice of a list.
    page.focus("#recipe-guidance input[type=range]")
    page.keyboard.press("ArrowRight")
    says(page, "w = 5.1")
    page.fill("#recipe-steps input[type=number]", "5")
    page.keyboard.press("Enter")
    says(page, "5 steps")
    page.click("#recipe-sampler input")
    page.get_by_role("option", name="Euler", exact=True).click()
    says(page, "Euler, 5 steps")
    fresh(page)
    page.evaluate(TOLD_LATE)
    fresh(page)
    # What is in the part that may be closed follows the same rule, and is named when it is closed.
    page.click("#recipe-more > button")
    for name, typed, said in (
        ("rescale", "0.8", "φ = 0.8"), ("guidance_stop", "0.5", "guidance until 0.5"),
        ("eta", "0.5", "η = 0.5"), ("width", "64", "64 × 128"),
    ):  # fmt: skip
        page.fill(f"#recipe-{name} input[type=number]", typed)
        says(page, "Changed, not drawn yet", "stale")
        page.keyboard.press("Enter")
        says(page, said)
        fresh(page)
    page.click("#recipe-more > button")
    assert page.get_attribute("#recipe-more", "data-set") == (
        "φ = 0.8, guidance until 0.5, η = 0.5, width 64"
    )
    # An abbreviation keeps its capitals within the sentence.
    page.click("#other-model > button")
    page.locator("#recipe-lora").locator("textarea, input").fill("few-steps")
    says(page, "Changed, not drawn yet: LoRA few-steps", "stale")
    assert page.locator("#now .is b").all_text_contents()[-3:] == [
        "φ = 0.8", "guidance until 0.5", "η = 0.5",
    ]  # fmt: skip


def test_draw_is_seen_in_every_lens_and_says_what_needs_more(quick):
    page = quick()
    page.get_by_role("tab", name="Studio").focus()
    for name in LENSES[1:3]:  # arrow keys move between lenses
        page.keyboard.press("ArrowRight")
        assert page.get_by_role("tab", name=name).get_attribute("aria-selected") == "true"
    page.wait_for_selector("#attention .picture")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.fill("#recipe-prompt textarea", "two penguins in the snow")
    page.keyboard.press("Control+Enter")
    says(page, "two penguins")
    assert page.locator("#now .is").is_visible()  # it stays in sight while one reads
    top = page.locator("#draw").bounding_box()["y"]
    assert 0 <= top < 1000
    page.wait_for_function("document.querySelector('#of-attention .of-run')?.checkVisibility()")
    assert "“a red square”" in page.text_content("#of-attention")
    page.click("#of-attention button")  # Record every head
    page.wait_for_function(
        "document.querySelector('#attention .status').textContent.includes('two penguins')",
        timeout=LONGEST,
    )
    page.wait_for_function("document.querySelector('#of-attention .of-run').hidden")


@pytest.mark.slow
def test_walking_and_leaving_fields_draws_only_what_was_changed(quick):
    page = quick()
    requests, before = asked(page), line(page)
    for name in ("Guidance scale w", "Steps"):
        page.focus(f"input[aria-label='number input for {name}']")
        for _ in range(3):
            page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    page.fill("#recipe-seed input", "1.5")
    page.keyboard.press("Enter")  # refused after all that walking could have asked for
    says(page, "Seed must be a whole number.", "doing")
    assert line(page) == before
    assert len([url for url in requests if "join" in url]) == 1
    assert re.search(r"seed 1\.5\. Ctrl\+Enter draws\.$", line(page, "stale"))


@pytest.mark.slow
def test_on_a_phone_the_recipe_and_every_message_are_in_sight(quick):
    page = quick(viewport={"width": 390, "height": 844}, has_touch=True)
    page.fill("#recipe-prompt textarea", "cat " * 80)
    page.tap("#draw")
    says(page, "320 characters", "doing")
    box = page.locator("#now .doing").bounding_box()
    assert 0 <= box["y"] <= 844 - box["height"]
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.locator("#now .words").wait_for(state="visible")
    page.fill("#now .words", "a dragon at the beach")
    assert page.input_value("#recipe-prompt textarea") == "a dragon at the beach"
    page.fill("#now .scale", "3")
    page.tap("#draw")
    says(page, "w = 3")
    assert "dragon" in line(page, "doing")  # never seen
    assert page.locator("#now .doing").bounding_box()["y"] < 844
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
