"""Drawing while the visitor types, in a real browser: the newest wins, others keep their turns."""

import time

import pytest

LIVE = "document.querySelector('#live input').checked"
STATUS = "document.querySelector('#explorer .status').textContent"
WORDS = (
    "[...document.querySelectorAll('#explorer .words button')].map((b) => b.textContent).join(' ')"
)
# Every picture that is shown, by its words, in the order in which they come.
WATCH = f"""() => {{
  window.shown = [];
  new MutationObserver(() => {{
    const words = {WORDS};
    if (words !== window.shown.at(-1)) window.shown.push(words);
  }}).observe(document.getElementById("explorer"), {{ subtree: true, childList: true }});
}}"""


@pytest.fixture
def student(visit):
    """A page on which the consistency student draws while one types."""
    page = visit()
    page.get_by_label("Emoji world, consistency").check()
    page.wait_for_function(f"{STATUS}.includes('4 network calls')")
    page.wait_for_function(LIVE)
    return page


def test_the_last_words_are_drawn_in_their_order_and_others_are_served(student, visit):
    student.evaluate(WATCH)
    text = "two cats in the snow"
    student.fill("#recipe-prompt textarea", "")
    student.locator("#recipe-prompt textarea").press_sequentially(text, delay=20)  # twenty keys
    other = visit()
    other.click("#draw")
    other.wait_for_function(f"{STATUS}.startsWith('Drawn')")
    student.wait_for_function(f"{WORDS} === '{text}'")
    shown = student.evaluate("window.shown")
    assert shown[-1] == text
    # What was typed before the end may be seen on the way, never after something newer.
    typed = [words for words in shown if words and text.startswith(words)]
    assert typed == sorted(typed, key=len)
    assert len(typed) < len(text)


def test_a_slider_draws_while_it_moves_and_every_lens_follows(student):
    slider = student.locator("#recipe-guidance input[type=range]")
    slider.focus()
    for _ in range(5):
        slider.press("ArrowRight")
    student.wait_for_function(f"{STATUS}.includes('w = 5.5')")


@pytest.mark.slow
def test_it_is_off_for_models_with_many_calls_and_can_be_switched_on(visit):
    page = visit()
    page.wait_for_function(f"{STATUS}.startsWith('Drawn')")
    assert not page.evaluate(LIVE)
    before = page.evaluate(WORDS)
    page.get_by_label("Draw while I type").check()
    page.fill("#recipe-prompt textarea", "a red square")
    page.wait_for_function(f"{WORDS} === 'a red square'")
    assert before != "a red square"


def test_a_model_that_is_chosen_later_gets_the_faster_backend_too(student):
    """It is prepared in the background, while PyTorch draws."""
    deadline = time.monotonic() + 90
    while "by ONNX Runtime" not in student.evaluate(STATUS):
        assert time.monotonic() < deadline
        student.evaluate("document.querySelector('#explorer .status').textContent = ''")
        student.click("#draw")
        student.wait_for_function(f"{STATUS}.startsWith('Drawn')")


def test_eight_pictures_over_w_follow_the_prompt(student):
    student.get_by_role("tab", name="Guidance").click()
    student.fill("#recipe-prompt textarea", "a red square")
    frames = "document.querySelectorAll('#filmstrip .frames button')"
    student.wait_for_function(
        "document.querySelector('#filmstrip .status').textContent.startsWith('8 pictures in')"
        f" && {frames}.length === 8 && {WORDS} === 'a red square'",
    )
    words = student.locator("#filmstrip .words button").all_text_contents()
    assert words == ["a", "red", "square"]
