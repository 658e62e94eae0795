"""Gradio's blocks, whose handlers answer anything that is sent by a sentence."""

import copy
import html

import gradio as gr
from gradio.blocks import convert_component_dict_to_list

from playground import faults


class Page(gr.Blocks):
    """Whatever goes wrong in a handler, or while its values are read or its answer is written, the
    visitor reads one sentence; what nobody foresaw is in the log under the number that it says.
    """

    def __exit__(self, *error) -> None:
        """Where no progress is shown, no component is told that an event begins and ends: gradio's
        page copies all data of every component that was ever told so, at each of these moments.
        """
        for block_fn in self.fns.values():
            if block_fn.show_progress == "hidden" or block_fn.fn is None:
                block_fn.show_progress_on = []
        super().__exit__(*error)

    async def preprocess_data(self, block_fn, *values, **named):
        """What a page of ours would not send is refused here, and is no defect."""
        try:
            return await super().preprocess_data(block_fn, *values, **named)
        except gr.Error:
            raise
        except Exception as error:
            raise said("What was sent does not fit this part of the page.") from error

    async def postprocess_data(self, block_fn, predictions, state):
        """Gradio would make every component anew that an answer leaves as it is, at each frame of
        each visitor, and keep it: nine tenths of a frame's time. Here those are left alone.
        """
        if len(block_fn.outputs) < 2:
            return await super().postprocess_data(block_fn, predictions, state)
        if _left_alone(predictions):
            predictions = [predictions] * len(block_fn.outputs)
        elif isinstance(predictions, dict):  # of some of the components
            predictions = convert_component_dict_to_list(list(block_fn.outputs), predictions)
        if not isinstance(predictions, list | tuple):
            return await super().postprocess_data(block_fn, predictions, state)
        new = [at for at, value in enumerate(predictions) if not _left_alone(value)]
        if len(predictions) != len(block_fn.outputs) or len(new) == len(predictions):
            return await super().postprocess_data(block_fn, predictions, state)
        answer = [_nothing_new(block) for block in block_fn.outputs]
        if new:
            part = copy.copy(block_fn)
            part.outputs = [block_fn.outputs[at] for at in new]
            values = [predictions[at] for at in new]
            made = await super().postprocess_data(
                part, values if len(new) > 1 else values[0], state
            )
            for at, value in zip(new, made, strict=True):
                answer[at] = value
        return answer

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


def _nothing_new(block) -> dict | None:
    """What gradio sends for a component that is left alone."""
    if block.stateful:
        return None
    return {"props": gr.skip(), **gr.skip()} if isinstance(block, gr.HTML) else gr.skip()


def _left_alone(value) -> bool:
    return isinstance(value, dict) and value == gr.skip()


def said(sentence: str) -> gr.Error:
    """Gradio shows the message as HTML, so it is escaped."""
    return gr.Error(html.escape(sentence[:500]), print_exception=False)
