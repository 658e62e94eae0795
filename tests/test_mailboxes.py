"""Messages that nobody fetches do not fill memory, whoever pretends to listen."""

import asyncio

import gradio as gr
from browser import ran
from gradio.queueing import Event
from gradio.server_messages import ProcessGeneratingMessage

from playground.hosting.settings import Settings
from playground.page.hosting.blocks import Page
from playground.page.hosting.mailboxes import Mailboxes
from playground.page.hosting.states import States
from playground.page.hosting.visits import UNREAD, Visits


async def served(names: dict[str, int]) -> tuple[Visits, dict[str, list[Event]]]:
    """A page's queue in which each session has an event that runs and one that waits, and has left
    so many messages unread.
    """
    with Page(analytics_enabled=False) as page:
        gr.Button().click(print, None, [gr.JSON()])
    queue, handler, visits = page._queue, page.fns[0], Visits(Settings())
    queue.pending_messages_per_session = Mailboxes(9, visits.needed)
    states = States()
    states.set_blocks(page)
    visits.follow(queue, states)
    queue.create_event_queue_for_fn(handler)
    events = {}
    for name, unread in names.items():
        queue.pending_messages_per_session[name] = asyncio.Queue()
        runs, waits = events[name] = [Event(name, handler, None, None) for _ in range(2)]
        queue.pending_event_ids_session[name] = {runs._id, waits._id}
        queue.active_jobs.append([runs])
        queue.event_queue_per_concurrency_id[handler.concurrency_id].queue.append(waits)
        assert states[name]
        for _ in range(unread):
            told(queue, runs)
    return visits, events


def told(queue, event: Event) -> None:
    queue.send_message(event, ProcessGeneratingMessage(output={}, success=True))


def test_who_keeps_a_page_open_and_does_not_read_is_stopped_and_forgotten():
    async def tidied():
        visits, events = await served({"slow": UNREAD, "deaf": UNREAD + 1})
        queue = visits.queue
        with visits.here("slow"), visits.here("deaf"):
            found = [await visits.tidy(), await visits.tidy()]
            told(queue, events["deaf"][0])  # a frame that was being made
        waiting = [e for line in queue.event_queue_per_concurrency_id.values() for e in line.queue]
        kept = [*queue.pending_messages_per_session], [*queue.pending_event_ids_session]
        alive = [events[name][0].alive for name in events]
        return found, alive, waiting == [events["slow"][1]], kept, [*visits.states.session_data]

    forgotten, alive, only_slow, kept, sessions = ran(tidied())
    assert forgotten == [1, 0]
    assert alive == [True, False]
    assert only_slow
    assert kept == (["slow"], ["slow"])
    assert sessions == ["slow"]
