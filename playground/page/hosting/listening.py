"""Gradio's queue, for those who listen: what nobody would hear is not computed.

A stranger can ask without ever coming for the answer. Gradio would compute it all the same, in a
place and a thread that visitors need.
"""

import random
from collections.abc import Callable, Container

Heard = Callable[[], Container[str]]  # sessions with a page or a stream that is open


def attend(queue, heard: Heard) -> None:
    """An event of gradio's `queue` (`Blocks._queue`) begins when its session is among those
    `heard`. In a queue that is full, who asked first and was not heard of gives way.
    """
    push = queue.push

    async def pushed(**asked):
        full = queue.max_size is not None and len(queue) >= queue.max_size
        if full and (silent := oldest(queue, heard())):
            await queue.clean_events(session_hash=silent)
        return await push(**asked)

    queue.push, queue.get_events = pushed, lambda: chosen(queue, heard())


def chosen(queue, heard: Container[str]):
    """The next event, as `Queue.get_events` gives it: of each line the first one that is heard.

    No handler of the page is computed in gradio's batches, so it is one alone.
    """
    lines = [*queue.event_queue_per_concurrency_id.values()]
    random.shuffle(lines)
    for line in lines:
        if line.concurrency_limit is None or line.current_concurrency < line.concurrency_limit:
            for event in line.queue:
                if event.session_hash in heard:
                    line.queue.remove(event)
                    return [event], False, line.concurrency_id
    return None


def oldest(queue, heard: Container[str]) -> str:
    """The session of the event that waits for longest without being heard; empty if all are."""
    waiting = [
        event
        for line in queue.event_queue_per_concurrency_id.values()
        for event in line.queue
        if event.session_hash not in heard
    ]
    return min(waiting, key=lambda event: event.enqueue_time).session_hash if waiting else ""
