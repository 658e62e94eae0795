"""Under the words, in a real browser: marks, completion and the list, without a server."""

import pytest
from browser import painted
from viewer import mount

from playground.page.words import known, view

WORLD = known.of("emoji-world")
FIELD = "#recipe-prompt textarea"
VALUE = f"document.querySelector('{FIELD}').value"
SHOWN = "[...document.querySelectorAll('.complete:not([hidden]) li')].map((e) => e.innerText)"
LISTEN = """() => {
  const fields = ['prompt', 'negative'].map((n) => `<p id="recipe-${n}"><textarea></textarea></p>`);
  document.body.insertAdjacentHTML('afterbegin', fields.join(''));
  window.trigger = (...asked) => { window.told = asked; };
  window.keys = [];
  document.addEventListener('keydown', ({ key, ctrlKey }) => {
    window.keys.push((ctrlKey ? 'Ctrl+' : '') + key);
  });
}"""


@pytest.fixture
def typing(page):
    mount(page, view.VIEW, WORLD)
    page.evaluate(LISTEN)
    return page


def marks(page) -> list[list[str]]:
    return page.evaluate(
        "[...document.querySelectorAll('.marks > span')].map((e) =>"
        " [e.querySelector('b').textContent, e.querySelector('button')?.textContent ?? ''])"
    )


def test_unknown_words_are_marked_while_typing_with_the_nearest_known_one(typing):
    typing.type(FIELD, "a pen")
    assert marks(typing) == []  # it may become a penguin
    typing.keyboard.type(" a")
    assert marks(typing) == [["pen", ""]]
    typing.fill(FIELD, "")
    typing.type(FIELD, "a zebra, two dgos and a pnda")
    assert marks(typing) == [["zebra", ""], ["dgos", "dogs"], ["pnda", "panda"]]
    typing.click(".marks button >> text=dogs")
    assert typing.evaluate(VALUE) == "a zebra, two dogs and a pnda"
    assert marks(typing) == [["zebra", ""], ["pnda", "panda"]]
    typing.fill("#recipe-negative textarea", "a catt")
    assert "in the negative words: catt" in typing.text_content(".marks")


UNDERLINED = "[...document.querySelectorAll('.underlines span')].map((e) => e.textContent)"
# Whether the layer lies over its field and breaks its lines where the field does.
ALIKE = """selector => {
  const field = document.querySelector(selector), layer = field.nextSibling;
  const text = layer.firstChild, [a, b] = [field, layer].map((e) => e.getBoundingClientRect());
  const first = text.querySelector('span')?.getBoundingClientRect();
  return [
    Math.hypot(a.x + field.clientLeft - b.x, a.y + field.clientTop - b.y) < 0.6,
    Math.abs(text.scrollHeight - field.scrollHeight) <= 1,
    new DOMMatrix(getComputedStyle(text).transform).f === -field.scrollTop,
    document.elementFromPoint(first.x + 3, Math.max(first.y, a.y) + 3) === field,
  ];
}"""


def test_unknown_words_are_underlined_in_the_field(typing):
    typing.add_style_tag(
        content="textarea { width: 180px; height: 60px; padding: 7px; border: 3px solid }"
    )
    for style in ("", "direction: rtl; text-align: right; font: 600 19px/1.6 serif"):
        typing.fill(FIELD, "")
        typing.evaluate(f"document.querySelector('{FIELD}').style = '{style}'")
        size = typing.locator(FIELD).bounding_box()
        text = "<img src=x onerror=pwned=1> cat\n\nzebra, two dgos " + "panda " * 20 + "wib"
        typing.type(FIELD, text + "\n")
        assert typing.evaluate(UNDERLINED) == ["<img", "src=x", "onerror=pwned=1>", "zebra",
                                               "dgos", "wib"]  # fmt: skip
        assert typing.locator("img").count() == 0
        assert typing.locator(FIELD).bounding_box() == size
        assert typing.evaluate(VALUE) == text + "\n"
        assert typing.evaluate("document.activeElement.selectionEnd") == len(text) + 1
        typing.evaluate(f"document.querySelector('{FIELD}').scrollTop = 0")
        painted(typing)
        assert typing.evaluate(ALIKE, FIELD) == [True] * 4
        typing.evaluate(f"document.querySelector('{FIELD}').style.width = '300px'")
        painted(typing)  # it is resized, and scrolled
        typing.evaluate(f"document.querySelector('{FIELD}').scrollTop = 11")
        painted(typing)
        assert typing.evaluate(ALIKE, FIELD)[:3] == [True] * 3
    typing.fill(FIELD, "a cat")
    assert typing.evaluate(UNDERLINED) == []


@pytest.mark.parametrize(
    "text",
    [
        "a \u200bcat\u200b, 2 dogs", "\u2066a\u2069 ‘cat’ „dog“", "A CAT، 3 Dogs!", "1,2 cats 3.5",
        "(a cat:1.3) and (dogs : -0,5)", r"\(cat\) 4k",
        "x-ray naïve 猫 🦊🦊", "the owl’s hat", "ﬁne cat", "", " ,, ",
    ],
)  # fmt: skip
def test_the_browser_knows_what_the_tokenizer_knows(typing, tiny, text):
    typing.fill(FIELD, text)
    unknown = [word.text for word in tiny.encode(text).words if not word.known]
    assert [word for word, _ in marks(typing)] == unknown


def test_the_list_completes_by_keys_and_leaves_drawing_alone(typing):
    typing.type(FIELD, "a pen")
    assert typing.evaluate(SHOWN) == ["penguin", "penguins"]
    typing.keyboard.press("Tab")
    assert typing.evaluate(VALUE) == "a penguin"
    assert typing.evaluate(SHOWN) == []
    typing.keyboard.type(" in the n")
    typing.keyboard.press("ArrowDown")
    assert typing.get_attribute(FIELD, "aria-activedescendant")
    typing.keyboard.press("ArrowUp")
    typing.keyboard.press("ArrowUp")
    last = typing.evaluate(SHOWN)[-2]
    assert typing.text_content(".complete [aria-selected=true]") == last
    typing.keyboard.press("Enter")
    assert typing.evaluate(VALUE) == f"a penguin in the {last}"
    typing.keyboard.type(" a pe")
    typing.keyboard.press("Escape")
    assert typing.evaluate(SHOWN) == []
    typing.evaluate("window.keys = []")
    typing.keyboard.type("n")
    typing.keyboard.press("Control+Enter")
    typing.keyboard.press("Enter")  # nothing was chosen, so it draws
    assert [key for key in typing.evaluate("window.keys") if "Enter" in key] == [
        "Ctrl+Enter",
        "Enter",
    ]
    typing.fill(FIELD, "")
    typing.type(FIELD, "a cat")  # complete as it is: Tab moves on, although cats would follow
    assert typing.evaluate(SHOWN) == ["cats"]
    typing.keyboard.press("Tab")
    assert typing.evaluate(VALUE) == "a cat"
    assert typing.evaluate(SHOWN) == []
    typing.fill(FIELD, "a top h")
    assert typing.evaluate(SHOWN) == ["top hat"]


def test_words_of_the_list_go_to_the_caret(typing):
    def press(text):
        typing.click(f".group button:text-is('{text}')")

    typing.click(".toggle")
    assert typing.get_attribute(".toggle", "aria-expanded") == "true"
    for text in (
        "umbrella",
        "left of",
        "two",
        "fox",
        "red",
        "■ square",
        "cat",
        "top hat",
        "on a blue background",
    ):
        press(text)
    said = "an umbrella left of two foxes a red square a cat wearing a top hat on a blue background"
    assert typing.evaluate(VALUE) == said
    typing.evaluate(f"document.querySelector('{FIELD}').setSelectionRange(11, 11)")
    press("at sunset")
    assert typing.evaluate(VALUE) == said.replace("umbrella", "umbrella at sunset")
    typing.focus(".group button")
    typing.keyboard.press("ArrowRight")
    typing.keyboard.press("Enter")
    assert typing.evaluate(VALUE).startswith("an umbrella at sunset a dog left of")
    assert typing.evaluate("document.activeElement.textContent") == "dog"


def test_a_checkpoint_shows_its_tokens_instead(typing):
    typing.evaluate("(value) => give(value)", WORLD | {"known": None, "groups": [], "sheet": ""})
    typing.type(FIELD, "a zebra")
    typing.wait_for_function(
        "window.told?.[0] === 'describe' && window.told[1].prompt === 'a zebra'"
    )
    names = ["<|startoftext|>", "a</w>", "zebra</w>", "<|endoftext|>"]
    typing.evaluate("(value) => give(value)", view.tokens("a zebra", names, 4, 77, []))
    assert typing.text_content(".marks") == "4 of 77 tokens: <|startoftext|>azebra<|endoftext|>"
    typing.evaluate("(value) => give(value)", view.tokens("a zebra", names, 77, 77, ["cat"]))
    assert typing.text_content(".marks").endswith("not read: cat")
