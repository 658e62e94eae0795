"""How soon a class has the page: python -m playground.measuring opening http://127.0.0.1:7860

Everybody asks for it at the same moment, as when a teacher writes its address on the board. Figures
go into assets/hosting.json, and from there into docs/hosting.md.
"""

import asyncio
import json
import time
from typing import Any

import httpx

from playground.measuring import docs
from playground.measuring.load_client import PATIENCE
from playground.measuring.load_tables import FIGURES
from playground.measuring.report import environment

CLASS = 30  # visitors


def measure(url: str, count: int = CLASS) -> None:
    """`count` visitors at once, after a first one."""
    found = asyncio.run(opened(url, count))
    print(found, flush=True)
    known = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    FIGURES.write_text(
        json.dumps(known | {"opening": found | environment()}, indent=1) + "\n", encoding="utf-8"
    )
    docs.write()


async def opened(url: str, count: int) -> dict[str, Any]:
    """Seconds until the first visitor has the page, until the last of `count` has it, and until the
    last of those is told that it is still the same; and how large it is, as it is sent.
    """
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, limits=limits) as client:

        async def visit(known: str = "") -> httpx.Response:
            headers = {"accept-encoding": "gzip", "if-none-match": known}
            request = client.build_request("GET", "/", headers=headers)
            answer = await client.send(request, stream=True)
            answer.extensions["bytes"] = sum([len(part) async for part in answer.aiter_raw()])
            return answer

        async def at_once(number: int, known: str = "") -> tuple[float, httpx.Response]:
            start = time.perf_counter()
            first, *_ = await asyncio.gather(*(visit(known) for _ in range(number)))
            return round(time.perf_counter() - start, 2), first

        first, _ = await at_once(1)
        last, page = await at_once(count)
        again, _ = await at_once(count, page.headers["etag"])
    return {"visitors": count, "first": first, "last": last, "again": again,
            "kilobytes": round(page.extensions["bytes"] / 1000)}  # fmt: skip
