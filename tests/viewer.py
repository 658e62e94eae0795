"""A view in a bare page: its template, style and behaviour with data, without gradio and server.

gr.HTML hands a behaviour its `element`, `props` and `watch`; so does this.
"""

from urllib.parse import unquote

MOUNT = """([html, css, js, value]) => {
  document.body.innerHTML = html;
  document.head.append(Object.assign(document.createElement('style'), {textContent: css}));
  const props = {value}, watchers = [];
  new Function('element', 'props', 'watch', js)(document.body, props, (_, f) => watchers.push(f));
  window.give = (next) => { props.value = next; watchers.forEach((f) => f()); };
}"""


def mount(page, view, value) -> None:
    """Show `value`; `give(page, other)` hands it the next one."""
    page.evaluate(MOUNT, [view.html_template, view.css_template, view.js_on_load, value])


def give(page, value) -> None:
    page.evaluate("value => give(value)", value)


def slide(page, selector: str, value) -> None:
    page.evaluate(
        "([s, v]) => { const e = document.querySelector(s); e.value = v;"
        " e.dispatchEvent(new Event('input')); }",
        [selector, str(value)],
    )


def table_of(page, view: str = "body") -> list[str]:
    """The lines of the table that a view offers to save."""
    link = page.get_attribute(f"{view} .csv", "href")
    kind, _, text = link.partition(",")
    assert kind == "data:text/csv;charset=utf-8"
    return unquote(text).removeprefix("\ufeff").split("\r\n")
