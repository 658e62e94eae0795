"""Terms are told where they stand: by hover, focus and tap, from the one glossary."""

import re

import pytest

from playground.page import glossary
from playground.page.shared import terms

TOLD = "document.querySelector('#term-note').matches(':popover-open')"
NOTE = "#term-note"


def saying(word: str) -> str:
    """The words as a text of the page has them, with a number where one stands."""
    return word.replace("#", "12")


def of(page) -> list[list[str]]:
    """Every marked word and its term, in the page's order."""
    return page.evaluate(
        "() => [...document.querySelectorAll('[data-term]')].map((e) =>"
        " [e.textContent, e.dataset.term])"
    )


@pytest.fixture
def told(page):
    """Puts HTML on a bare page and lets the script listen to it."""

    def teller(html: str):
        page.set_content(f'<div class="gradio-container">{html}</div>')
        page.add_style_tag(content=terms.STYLE)
        page.evaluate(terms.listen())
        return page

    return teller


def test_every_word_of_the_glossary_is_found_alone_and_with_others_around_it(told):
    words = [(word, term.name) for term in glossary.TERMS.values() for word in term.words]
    texts = [f'<p class="prose">Of {saying(word)}, said so.</p>' for word, _ in words]
    page = told("".join(texts))
    assert of(page) == [[saying(word), name] for word, name in words]


def test_words_inside_of_other_words_and_of_controls_are_left_alone(told):
    page = told(
        '<div class="prose"><p>draw, row and headings; stepping, gridded.</p>'
        '<button>Sampler</button><a href="#">seed 7</a><select><option>η</option></select>'
        '<label><input type="radio"><span>10 steps</span></label></div>'
    )
    assert of(page) == []


def test_the_first_of_each_term_is_marked_in_every_part(told):
    page = told(
        '<div class="prose"><p>Two tokens, one token.</p></div><div class="prose">A token</div>'
    )
    assert of(page) == [["tokens", "token"], ["token", "token"]]


def test_what_a_widget_is_called_keeps_its_own_text(told):
    """Gradio writes into it again when the model changes."""
    name = '<span data-testid="block-info">Guidance scale w</span>'
    page = told(f'<label class="block">{name}</label>')
    assert of(page) == [["Guidance scale w", "guidance scale"]]
    assert page.evaluate("document.querySelector('[data-testid]').childNodes.length") == 1


def test_text_in_a_row_or_grid_stays_one_item_of_it(told):
    page = told('<label class="prose" style="display: grid">DDIM\'s η <b>0</b></label>')
    assert of(page) == [["DDIM's η ", "eta"]]
    assert page.evaluate("document.querySelector('label').childElementCount") == 2


def test_what_arrives_later_is_marked_too_and_what_is_read_out_silently(told):
    page = told('<div class="prose"><p class="later"></p><p class="said" role="status"></p></div>')
    page.evaluate("document.querySelector('.later').textContent = 'After 15 network calls'")
    marked_while = page.evaluate(
        "() => new Promise((done) => { const said = document.querySelector('.said');"
        " said.textContent = 'Drawn with 30 rows.'; new MutationObserver(() =>"
        " said.querySelector('[data-term=row]') && done(said.getAttribute('aria-live')))"
        " .observe(said, {childList: true}); })"
    )
    assert marked_while == "off"
    page.wait_for_selector(".later [data-term=NFE]")
    page.wait_for_selector(".said:not([aria-live])")
    assert page.text_content(".said") == "Drawn with 30 rows."


def test_hover_focus_and_tap_tell_the_sentence(told):
    page = told('<button>before</button><p class="prose">The <b>sampler</b> and its seed.</p>')
    sampler, seed = page.locator("[data-term]").all()
    sampler.hover()
    page.wait_for_function(TOLD)
    assert page.text_content(NOTE) == f"sampler: {glossary.get('sampler').sentence}"
    page.mouse.move(0, 300)
    page.wait_for_function(f"!{TOLD}")
    page.get_by_text("before").focus()
    page.keyboard.press("Tab")
    page.wait_for_function(TOLD)
    page.keyboard.press("Escape")
    assert not page.evaluate(TOLD)
    seed.click()
    assert page.text_content(NOTE) == f"seed: {glossary.get('seed').sentence}"
    assert seed.get_attribute("aria-describedby") == NOTE[1:]
    seed.click()
    assert not page.evaluate(TOLD)


def test_a_note_never_leaves_the_page(told):
    page = told('<p class="prose" style="text-align: right">many words and then the seed</p>')
    page.set_viewport_size({"width": 320, "height": 200})
    page.locator("[data-term]").click()
    box = page.evaluate("document.querySelector('#term-note').getBoundingClientRect().toJSON()")
    assert box["left"] >= 0
    assert box["right"] <= 320
    assert box["top"] >= 0
    assert box["bottom"] <= 200


def test_symbols_of_regular_expressions_in_a_term_stand_for_themselves():
    assert re.fullmatch(terms.pattern("a.b (c)"), "a.b (c)")
    assert not re.fullmatch(terms.pattern("a.b (c)"), "axb (c)")
