"""One visit with the words at hand: complete a word, draw by keys, fill a grid, use a cell."""

import pytest
from browser import LONGEST

from playground.recipe import Recipe

QUICK = Recipe(prompt="a cat", steps=2, seed=3)
FIELD = "#recipe-prompt textarea"
DRAWN = (
    "([words, status]) => {"
    " const chips = [...document.querySelectorAll('#explorer .words button')];"
    " return chips.map((e) => e.textContent).join(' ') === words"
    " && document.querySelector('#explorer .status').textContent.includes(status); }"
)


@pytest.mark.slow
def test_from_a_begun_word_to_the_recipe_of_a_grids_cell(visit):
    page = visit(f"/?r={QUICK.to_query()}")
    page.wait_for_function(DRAWN, arg=["a cat", "seed 3"], timeout=LONGEST)
    page.focus(FIELD)
    page.keyboard.press("End")
    page.keyboard.type(" and a pen")
    page.wait_for_selector("#words .complete li", timeout=LONGEST)
    page.keyboard.press("Tab")
    assert page.input_value(FIELD) == "a cat and a penguin"
    page.keyboard.press("Control+Enter")
    page.wait_for_function(DRAWN, arg=["a cat and a penguin", "seed 3"], timeout=LONGEST)

    page.get_by_role("tab", name="Guidance").click()
    for name, text in (("across", "1-3 (+2)"), ("down", "5-6")):
        page.fill(f"#grid-{name}-values textarea, #grid-{name}-values input", text)
    page.wait_for_function(
        "document.querySelector('#grid-cost').textContent.includes('2 × 2: 4 pictures')",
        timeout=LONGEST,
    )
    page.click("#grid-start")
    page.wait_for_function(
        "document.querySelectorAll('#grid td button').length === 4"
        " && document.querySelector('#grid .status').textContent.startsWith('4 pictures in')",
        timeout=LONGEST,
    )
    page.locator("#grid td button").nth(2).click()
    assert page.text_content("#grid .one h4") == "w = 1, seed 6"
    page.evaluate("window.stayed = true")
    page.click("#grid .one .link")
    page.wait_for_function(DRAWN, arg=["a cat and a penguin", "w = 1, seed 6"], timeout=LONGEST)
    assert page.evaluate("window.stayed")  # the page was not loaded again

    page.click("#words .surprise")
    page.wait_for_function(
        f"document.querySelector('{FIELD}').value !== 'a cat and a penguin'", timeout=LONGEST
    )
