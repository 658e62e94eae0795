"""Gradio's blocks, whose handlers answer anything that is sent by a sentence."""

import html

import gradio as gr

from playground import faults


class Page(gr.Blocks):
    """Whatever goes wrong in a handler, or while its values are read or its answer is written, the
    visitor reads one sentence; what nobody foresaw is in the log under the number that it says.
    """

    async def preprocess_data(self, block_fn, *values, **named):
        """What a page of ours would not send is refused here, and is no defect."""
        try:
            return await super().preprocess_data(block_fn, *values, **named)
        except gr.Error:
            raise
        except Exception as error:
            raise said("What was sent does not fit this part of the page.") from error

    async def process_api(self, block_fn, *values, **named):
        try:
            return await super().process_api(block_fn, *values, **named)
        except gr.Error as error:
            if error.print_exception:  # gradio's own: it quotes what was sent, and would be logged
                raise said(str(error.message)) from error
            raise
        except Exception as error:
            name = getattr(block_fn, "name", None) or "a handler"
            raise said(faults.unforeseen(error, name)) from error


def said(sentence: str) -> gr.Error:
    """Gradio shows the message as HTML, so it is escaped."""
    return gr.Error(html.escape(sentence[:500]), print_exception=False)
