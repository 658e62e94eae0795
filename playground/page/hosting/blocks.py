"""Gradio's blocks, whose handlers answer anything that is sent by a sentence."""

import copy
import html

import gradio as gr
from gradio.blocks import convert_component_dict_to_list
from gradio.utils import is_prop_update

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
        each visitor, and keep it: nine tenths of a frame's time. Here those are left alone. In
        the data of a view it would look for files, in another thread: they are sent as they are.
        """
        outputs, given = block_fn.outputs, predictions
        if _left_alone(given):
            given = [given] * len(outputs)
        elif len(outputs) == 1:
            given = [given]
        elif isinstance(given, dict):  # of some of the components
            given = convert_component_dict_to_list(list(outputs), given)
        if not isinstance(given, list | tuple) or len(given) != len(outputs):
            return await super().postprocess_data(block_fn, predictions, state)
        plain = [_as_it_is(*pair) for pair in zip(outputs, given, strict=True)]
        if not any(plain):
            return await super().postprocess_data(block_fn, predictions, state)
        answer = [
            _nothing_new(block) if _left_alone(value) else value
            for block, value in zip(outputs, given, strict=True)
        ]
        new = [at for at, sent_so in enumerate(plain) if not sent_so]
        if new:
            part = copy.copy(block_fn)
            part.outputs = [outputs[at] for at in new]
            values = [given[at] for at in new]
            made = await super().postprocess_data(
                part, values if len(new) > 1 else values[0], state
            )
            for at, value in zip(new, made, strict=True):
                answer[at] = value
        return answer

    def handle_streaming_diffs(self, block_fn, data, session_hash, run, final, simple_format=False):
        """At the end of a run gradio would send all of its last answer a second time, to programs
        that have listened to nothing else.
        """
        sent = super().handle_streaming_diffs(
            block_fn, data, session_hash, run, final, simple_format
        )
        if final and run is not None and block_fn.api_visibility == "private":
            return [_nothing_new(block) for block in block_fn.outputs]
        return sent

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


def _as_it_is(block, value) -> bool:
    """Whether gradio has nothing to do with a component's value."""
    data = type(block) is gr.HTML and isinstance(value, dict) and all(type(k) is str for k in value)
    return _left_alone(value) or (data and not is_prop_update(value))


class Refusal(gr.Error):
    """A sentence for a visitor or a program; gradio's own reaches a language model in quotes."""

    def __init__(self, sentence: str):
        super().__init__(sentence, print_exception=False)

    def __str__(self) -> str:
        return self.message


def said(sentence: str) -> Refusal:
    """Gradio shows the message as HTML, so it is escaped."""
    return Refusal(html.escape(sentence[:500]))
