"""What gradio's page is told of the events of ours."""

import gradio as gr
from browser import ran

from playground.page.hosting.blocks import Page


async def built() -> list[dict]:
    with Page() as page:
        box = gr.Textbox()
        box.change(str, box, box, show_progress="hidden")
        box.blur(None, box, box, js="(text) => text")
        box.submit(str, box, box)
    return page.config["dependencies"]


def test_an_event_that_shows_no_progress_tells_no_component_of_its_course():
    told = {each["targets"][0][1]: each["show_progress_on"] for each in ran(built())}
    assert told == {"change": [], "blur": [], "submit": None}
