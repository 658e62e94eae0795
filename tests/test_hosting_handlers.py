"""Every handler of the page answers whatever it is sent: by values or by one sentence, and nothing
that nobody foresaw.
"""

import itertools
import os

import gradio as gr
import pytest
from browser import ran
from gradio.state_holder import SessionState
from hypothesis import given, settings
from hypothesis import strategies as st
from test_hostile import VALUES

from playground.page import serving
from playground.page.hosting.blocks import Page
from playground.page.hosting.states import Light
from playground.page.page import build

LINK = {"link": "e30", "kind": "png", "step": 1e300, "x": "1", "y": None, "weights": [1]}
HOSTILE = [
    None, "<script>alert(1)</script>", [1, None, {}], 10**400, float("nan"), LINK,
    {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
]  # fmt: skip
FRAMES = 3  # of a handler that computes; then its visitor leaves


async def everything(session) -> dict[str, list[str]]:
    """By handler: what went wrong with which value."""
    page = build()
    page.is_running = True
    found: dict[str, list[str]] = {}
    for number, handler in page.fns.items():
        if not handler.fn:
            continue
        state = Light(page)
        sent = handler.inputs or handler.collects_event_data
        for value in HOSTILE if sent else HOSTILE[:1]:
            try:
                await answered(page, handler, state, [value], value)
            except gr.Error as error:
                if "the log calls it" in error.message or not error.message:
                    wrong = f"{str(value)[:40]}: {error.__cause__!r}"
                    found.setdefault(f"{number} {handler.name}", []).append(wrong)
    return found


async def answered(page, handler, state, values, besides) -> None:
    """As many values as the handler takes, over and over."""
    request = gr.Request(session_hash="ann", query_params={"r": str(besides)})
    asked = gr.EventData(None, besides)
    sent = list(itertools.islice(itertools.cycle(values), len(handler.inputs)))
    iterator = None
    for _ in range(FRAMES if handler.inputs else 1):
        answer = await page.process_api(
            handler, sent, state, request, iterator,
            session_hash="ann", event_data=asked,
        )  # fmt: skip
        iterator = answer["iterator"]
        if not answer["is_generating"]:
            return
    await iterator.aclose()


@pytest.fixture
def quick(session, monkeypatch):
    monkeypatch.setattr(serving, "ready", lambda *_: session)
    monkeypatch.setattr(serving, "getting_ready", lambda *_: iter(["Getting ready …"]))
    return session


def test_no_handler_raises_whatever_it_is_sent(quick, caplog):
    assert ran(everything(quick)) == {}
    assert [r.message for r in caplog.records if r.levelname == "ERROR"] == []


# HOSTILE_EXAMPLES=10000 tries more.
EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "20"))
EVENTS = st.tuples(st.integers(0, 10_000), st.lists(VALUES, min_size=1, max_size=9), VALUES)


async def several(events) -> list[str]:
    """What went wrong with events: which handler, its values, what it was told besides."""
    page = build()
    page.is_running = True
    handlers = [handler for handler in page.fns.values() if handler.fn]
    state, wrong = Light(page), []
    for number, values, besides in events:
        handler = handlers[number % len(handlers)]
        try:
            await answered(page, handler, state, values, besides)
        except gr.Error as error:
            if "the log calls it" in error.message or not error.message:
                wrong.append(f"{handler.name}, {values!r}, {besides!r}: {error.__cause__!r}")
    return wrong


def test_no_handler_raises_whatever_several_values_it_is_sent(quick):
    """All of them different: numbers, texts, lists and records in any place."""
    together = min(EXAMPLES, 100)

    @settings(max_examples=EXAMPLES // together, deadline=None, derandomize=True)
    @given(st.lists(EVENTS, min_size=together, max_size=together))
    def answered(events):
        assert ran(several(events)) == []

    answered()


async def postprocessed(kind: type[gr.Blocks], remembered: type) -> tuple[list, list]:
    """What a page of that kind sends for each way to answer, and which components it made anew."""
    with kind(analytics_enabled=False) as page:
        shown, text, held = gr.HTML(), gr.Textbox(label="Words"), gr.State()
        gr.Button().click(print, None, [shown, text, held])
        gr.Button().click(print, None, [shown])
    both, one = page.fns.values()
    state, skip = remembered(page), gr.skip()
    answers = [
        (both, ["a", "b", 3]), (both, ("a", skip, skip)), (both, [skip, gr.update(label="x"), 4]),
        (both, {text: "c"}), (both, {shown: "d", held: 5}), (both, skip), (both, [skip] * 3),
        (one, "e"), (one, skip), (both, ["a", gr.Textbox(value="f", label="y"), skip]),
        (one, {"kind": "g", "words": ["h", {"i": None}]}), (both, [{"kind": "j"}, "k", skip]),
        (one, gr.update(value={"kind": "l"})), (both, {shown: {"kind": "m"}}),
    ]  # fmt: skip
    sent, anew = [], []
    for handler, answer in answers:
        before = state[shown._id]
        sent.append((await page.postprocess_data(handler, answer, state), state[held._id]))
        anew.append(state[shown._id] is not before)
    return sent, anew


def test_what_is_sent_is_what_gradio_sends_and_what_stays_is_not_made_anew():
    theirs, made = ran(postprocessed(gr.Blocks, SessionState))
    ours, ours_made = ran(postprocessed(Page, Light))
    assert ours == theirs
    assert sum(made) > 2
    assert sum(ours_made) == 1  # by an update of its own


async def streamed(visibility: str) -> tuple[list, list]:
    """The answers of a handler with two frames, and what is sent when it has ended."""

    def frames():
        yield {"kind": "sampling"}, gr.skip()
        yield {"kind": "finished", "words": ["a"]}, {"kind": "strip"}

    with Page(analytics_enabled=False) as page:
        views = [gr.HTML(), gr.HTML()]
        gr.Button().click(frames, None, views, api_visibility=visibility)
    page.is_running, iterator, sent = True, None, []
    for _ in range(3):
        answer = await page.process_api(
            page.fns[0], [], Light(page), gr.Request(session_hash="ann"), iterator,
            session_hash="ann", event_id="1",
        )  # fmt: skip
        iterator = answer["iterator"]
        sent.append(answer["data"])
    assert not page.pending_diff_streams
    return sent[:2], sent[2]


def test_a_run_s_last_answer_is_sent_once_to_a_page_and_again_to_programs():
    (first, second), end = ran(streamed("private"))
    assert first[0] == {"kind": "sampling"}
    assert ["add", ["words"], ["a"]] in second[0]
    assert all(gr.skip().items() <= each.items() and "value" not in each for each in end)
    assert ran(streamed("public"))[1] == [
        {"kind": "finished", "words": ["a"]}, {"kind": "strip"},
    ]  # fmt: skip
