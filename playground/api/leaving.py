"""What nobody waits for any more is not computed to its end."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool

from playground.api.answers import Answer
from playground.api.service import Caller

LEFT = 0.2  # seconds between looks whether the client is still there


async def answered(
    work: Callable[[], Answer], caller: Caller, has_left: Callable[[], Awaitable[bool]]
) -> Answer:
    """What the work returns, in a thread; drawing ends when the client has left, or the request is
    cancelled.
    """

    async def watch() -> None:
        while not await has_left():
            await asyncio.sleep(LEFT)
        caller.gone.set()

    watching = asyncio.create_task(watch())
    try:
        return await run_in_threadpool(work)
    finally:
        caller.gone.set()
        watching.cancel()
