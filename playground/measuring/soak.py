"""What stays behind after many visitors, and after a flood of strangers.

    python -m playground.measuring soak http://127.0.0.1:7860
    python -m playground.measuring flood http://127.0.0.1:7860

The server must run on this machine. Figures go into assets/hosting.json, and from there into
docs/hosting.md.
"""

import asyncio
import json
import random
import secrets
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from playground.measuring import docs
from playground.measuring.load import server
from playground.measuring.load_client import API, Form, Visitor, opened
from playground.measuring.load_tables import FIGURES
from playground.measuring.report import environment

RUNS, TOGETHER, WARM_UP = 500, 8, 60
STEPS = 4
JOINS, UPLOADS, AT_ONCE = 5000, 500, 50
REST = 90  # seconds until those who left are forgotten
WAYS = ("draws", "draws", "stops", "leaves", "opens the page", "uploads")


def measure(url: str, count: int = RUNS, rest: float = REST) -> None:
    """`count` visits after a warm-up: memory, threads and files before and after."""
    _keep("soak", asyncio.run(_soak(url, count, rest)))


def _keep(name: str, found: dict[str, Any]) -> None:
    known = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    FIGURES.write_text(
        json.dumps(known | {name: found | environment()}, indent=1) + "\n", encoding="utf-8"
    )
    docs.write()


async def _soak(url: str, count: int, rest: float) -> dict[str, Any]:
    async with opened(url) as (client, form):
        await _visits(client, form, WARM_UP, 1)
        await asyncio.sleep(rest)
        before = state(url)
        ways = await _visits(client, form, count, 2)
        await asyncio.sleep(rest)
        found = {"runs": count, "before": before, "after": state(url)}
    found["said"] = ", ".join(f"{number} {way}" for way, number in sorted(ways.items()))
    print(found, flush=True)
    return found


async def _visits(client: httpx.AsyncClient, form: Form, count: int, seed: int) -> Counter:
    """Visitors who draw, stop, leave or open a file, a few at a time; how many did which."""
    chance, places, ways = random.Random(seed), asyncio.Semaphore(TOGETHER), Counter()

    async def one(number: int, way: str, after: float) -> None:
        async with places:
            await visit(Visitor(client, form), way, number, after)

    plans = [(n, chance.choice(WAYS), chance.uniform(0, 0.5)) for n in range(count)]
    ways.update(way for _, way, _ in plans)
    await asyncio.gather(*(one(*plan) for plan in plans))
    return ways


async def visit(visitor: Visitor, way: str, seed: int, after: float) -> None:
    """One visitor, who stops or leaves `after` so many seconds."""
    if way == "draws":
        drawn = await visitor.draw(steps=STEPS, seed=seed)
        if drawn.failed:
            raise RuntimeError(f"A picture failed: {drawn.failed}")
        return
    if way == "uploads":
        await _cut_upload(visitor.client)
        return
    async with visitor.client.stream("GET", f"{API}/heartbeat/{visitor.session}"):
        if way == "opens the page":
            return
        await visitor.join(visitor.form.filled(steps=100, seed=seed))
        reading = asyncio.create_task(_read(visitor))
        await asyncio.sleep(after)
        if way == "stops":
            await visitor.cancel()
        reading.cancel()
        await asyncio.wait([reading])


async def _read(visitor: Visitor) -> None:
    async for _ in visitor.messages():
        pass


async def _cut_upload(client: httpx.AsyncClient) -> None:
    """An upload that breaks off after half of what it promised."""

    async def half():
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
        yield secrets.token_bytes(50_000)
        raise ConnectionError("the visitor has left")

    headers = {"content-type": "multipart/form-data; boundary=x", "content-length": "100000"}
    with suppress(ConnectionError, httpx.HTTPError):
        await client.post(f"{API}/upload", content=half(), headers=headers)


def state(url: str) -> dict[str, int]:
    """Of the server: memory, threads, open files, and the files that it keeps of visitors."""
    process = server(url)
    if process is None:
        raise ValueError(f"Nothing of this machine listens at {url}.")
    folder = process.environ().get("GRADIO_TEMP_DIR") or Path(tempfile.gettempdir()) / "gradio"
    return {
        "megabytes": round(process.memory_info().rss / 1e6),
        "threads": process.num_threads(),
        "files": process.num_fds(),
        "kept": sum(path.is_file() for path in Path(folder).rglob("*")),
    }


def flood(url: str, count: int = JOINS, uploads: int = UPLOADS) -> None:
    """`count` requests of as many strangers who never listen, and uploads that are cut off; then
    one visitor draws.
    """
    found = asyncio.run(_flood(url, count, uploads))
    print(found, flush=True)
    drawn = found.pop("drawn")
    _keep("flood", found | {"joins": count, "uploads": uploads, "picture": drawn.picture})


async def _flood(url: str, count: int, uploads: int) -> dict[str, Any]:
    places, answers = asyncio.Semaphore(AT_ONCE), Counter[str]()

    async def stranger(client: httpx.AsyncClient, form: Form) -> None:
        async with places:
            try:
                await Visitor(client, form).join(form.filled(steps=1))
                answers["taken"] += 1
            except ValueError as error:
                answers[str(error)[:3]] += 1
            except httpx.HTTPError as error:
                answers[type(error).__name__] += 1

    async def cut(client: httpx.AsyncClient) -> None:
        async with places:
            await _cut_upload(client)

    async with opened(url) as (client, form):
        before = state(url) if server(url) else {}
        strangers = (stranger(client, form) for _ in range(count))
        await asyncio.gather(*strangers, *(cut(client) for _ in range(uploads)))
        while (drawn := await Visitor(client, form).draw(steps=STEPS)).failed:
            print(drawn.failed, flush=True)
            await asyncio.sleep(5)  # a minute's requests are used up
        health = (await client.get("/health")).json()
        after = state(url) if server(url) else {}
    return {"answers": dict(answers), "drawn": drawn, "health": health,
            "before": before, "after": after}  # fmt: skip
