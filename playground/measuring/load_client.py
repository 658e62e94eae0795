"""A visitor of a running page, without a browser: what the page's scripts ask of its queue."""

import asyncio
import json
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

PATIENCE = httpx.Timeout(600, connect=30)
API = "/gradio_api"
BUSY, AGAIN = 429, 0.5  # status, and seconds until a program asks again
OTHERS = re.compile(r"\d+ others? (?:is|are) drawing")
PROMPT = "a cat wearing a top hat on a blue background"


@dataclass(frozen=True)
class Form:
    """The page's Draw button, from its configuration: which handler it calls, with which values.

    `places` are the positions of widgets among the values, by their names on the page.
    """

    handler: int
    values: tuple
    places: dict[str, int]

    @classmethod
    def read(cls, config: dict[str, Any]) -> "Form":
        """Raises ValueError if the configuration is of another page."""
        parts = {part["id"]: part for part in config["components"]}
        names = {part["props"].get("elem_id"): id for id, part in parts.items()}
        for handler in config["dependencies"]:
            if [names.get("draw"), "click"] in handler["targets"] and handler["backend_fn"]:
                values = [parts[id]["props"].get("value") for id in handler["inputs"]]
                places = {parts[id]["props"].get("elem_id"): at for at, id in
                          enumerate(handler["inputs"])}  # fmt: skip
                return cls(handler["id"], tuple(values), places)
        raise ValueError("This is not the playground's page: it has no button to draw.")

    def filled(self, **widgets) -> list:
        """The values, some of them replaced by the names of the recipe's fields."""
        values = list(self.values)
        for name, value in widgets.items():
            values[self.places[f"recipe-{name}"]] = value
        return values


@dataclass
class Drawn:
    """One picture, in seconds from asking: `told` is the first preview, or before it how many
    others are drawing; `preview` the first preview, `picture` the end; `failed` says why there is
    none.
    """

    told: float | None = None
    preview: float | None = None
    picture: float | None = None
    waited: bool = False  # whether it was said that others are drawing
    failed: str = ""


@dataclass
class Visitor:
    """One page: its session, and the pictures that it was shown."""

    client: httpx.AsyncClient
    form: Form
    session: str = field(default_factory=lambda: secrets.token_hex(6))
    event: str = ""  # of the latest picture

    async def draw(self, **widgets) -> Drawn:
        """Ask for a picture and wait for it."""
        drawn, start = Drawn(), time.perf_counter()
        try:
            await self.join(self.form.filled(**widgets))
            async for message, text in self._told():
                self._note(drawn, message, text, time.perf_counter() - start)
        except (httpx.HTTPError, ValueError) as error:
            drawn.failed = str(error) or type(error).__name__
        if drawn.picture is None and not drawn.failed:
            drawn.failed = "no picture came"
        return drawn

    async def join(self, values: list, handler: int | None = None) -> None:
        """Raises ValueError with the page's sentence if the request is refused."""
        handler = self.form.handler if handler is None else handler
        body = {"data": values, "fn_index": handler, "session_hash": self.session}
        answer = await self.client.post(f"{API}/queue/join", json=body)
        if answer.status_code != 200:
            raise ValueError(f"{answer.status_code}: {answer.text[:200]}")
        self.event = answer.json()["event_id"]

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """What the page is told, until there is nothing more to tell."""
        async for message, _ in self._told():
            yield message

    async def _told(self) -> AsyncIterator[tuple[dict[str, Any], str]]:
        """Each message, and its JSON."""
        query = {"session_hash": self.session}
        async with self.client.stream("GET", f"{API}/queue/data", params=query) as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    message = json.loads(line[6:])
                    yield message, line
                    if message["msg"] == "close_stream":
                        return

    async def cancel(self) -> None:
        body = {"session_hash": self.session, "fn_index": self.form.handler, "event_id": self.event}
        await self.client.post(f"{API}/cancel", json=body)

    def _note(self, drawn: Drawn, message: dict[str, Any], text: str, now: float) -> None:
        kind = message["msg"]
        if kind in ("process_generating", "process_completed"):
            if OTHERS.search(text, 0, 20_000):
                drawn.waited, drawn.told = True, drawn.told or now
            if '"sampling"' in text:
                drawn.preview = drawn.preview or now
            if '"finished"' in text:
                drawn.picture = now
            drawn.told = drawn.told or drawn.preview or drawn.picture
        if kind == "process_completed" and not message["success"]:
            drawn.failed = str(message["output"].get("error"))
        if kind == "unexpected_error":
            drawn.failed = message["message"]


@dataclass
class Program:
    """It asks the public API, and asks again as long as it is told that others are drawing."""

    client: httpx.AsyncClient

    async def draw(self, **fields) -> Drawn:
        start, busy = time.perf_counter(), False
        while (answer := await self._asked(fields)) and answer.status_code == BUSY:
            busy = True
            await asyncio.sleep(AGAIN)
        if answer is None or answer.status_code != 200:
            return Drawn(failed="no answer" if answer is None else answer.text[:200])
        return Drawn(picture=time.perf_counter() - start, waited=busy)

    async def _asked(self, fields: dict[str, Any]) -> httpx.Response | None:
        try:
            return await self.client.post("/api/v1/draw", json={"prompt": PROMPT, **fields})
        except httpx.HTTPError:
            return None


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[tuple[httpx.AsyncClient, Form]]:
    """A client of the page at this address, and its form."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=50)
    base = url.rstrip("/")
    async with httpx.AsyncClient(base_url=base, timeout=PATIENCE, limits=limits) as client:
        yield client, Form.read((await client.get("/config")).json())
