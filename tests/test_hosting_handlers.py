"""Every handler of the page answers whatever it is sent: by values or by one sentence, and nothing
that nobody foresaw.
"""

import gradio as gr
import pytest
from browser import ran
from gradio.state_holder import SessionState

from playground.page import serving
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
        state = SessionState(page)
        sent = handler.inputs or handler.collects_event_data
        for value in HOSTILE if sent else HOSTILE[:1]:
            try:
                await answered(page, handler, state, value)
            except gr.Error as error:
                if "the log calls it" in error.message or not error.message:
                    wrong = f"{str(value)[:40]}: {error.__cause__!r}"
                    found.setdefault(f"{number} {handler.name}", []).append(wrong)
    return found


async def answered(page, handler, state, value) -> None:
    request = gr.Request(session_hash="ann", query_params={"r": str(value)})
    asked = gr.EventData(None, value)
    iterator = None
    for _ in range(FRAMES if handler.inputs else 1):
        answer = await page.process_api(
            handler, [value] * len(handler.inputs), state, request, iterator,
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
