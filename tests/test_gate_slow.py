"""Who sends slowly takes nobody's place, and no more than a share of the memory for bodies."""

import asyncio
import contextlib
import dataclasses
import gc
import weakref

import pytest
from browser import ran
from test_hosting import SMALL, picture

from playground.hosting import gate
from playground.hosting.gate import FORM, UPLOADS, Gate, RefusedError, Room

FEW = dataclasses.replace(SMALL, visitors=1)
UPLOAD = {"content-type": "multipart/form-data; boundary=x"}


def form(file: bytes) -> bytes:
    head = b'--x\r\ncontent-disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    return head + file + b"\r\n--x--\r\n"


class Sender:
    """Sends parts, and the last one only when it is told to."""

    def __init__(self, *parts: bytes):
        self.parts, self.end = list(parts), asyncio.Event()
        self.asked = asyncio.Event()  # all but the last one have been taken
        self.answered: list[dict] = []

    async def receive(self) -> dict:
        if len(self.parts) == 1:
            self.asked.set()
            await self.end.wait()
        if not self.parts:
            return await asyncio.Event().wait()
        part = self.parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(self.parts)}

    async def send(self, message: dict) -> None:
        self.answered.append(message)

    def asks(self, door: Gate, path: str = "/ask") -> asyncio.Task:
        headers = [(k.encode(), v.encode()) for k, v in UPLOAD.items()]
        scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
        return asyncio.ensure_future(door(scope, self.receive, self.send))

    @property
    def status(self) -> int:
        return self.answered[0]["status"]


async def said(scope, receive, send):
    """An application that says how long the body was."""
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(len(body)).encode()})


def test_others_are_answered_while_many_send_slowly():
    async def many():
        door = Gate(said, FEW)
        slow = [Sender(b"x", b"y") for _ in range(2 * FEW.visitors)]
        files = [Sender(b"x", b"y") for _ in range(UPLOADS)]
        tasks = [one.asks(door) for one in slow] + [one.asks(door, "/upload") for one in files]
        await asyncio.gather(*(one.asked.wait() for one in slow + files))
        quick, file = Sender(b"abc"), Sender(form(picture(9, 9)))
        for one, path in ((quick, "/ask"), (file, "/upload")):
            one.end.set()
            await asyncio.wait_for(one.asks(door, path), 10)
        for one in slow + files:
            one.end.set()
        await asyncio.gather(*tasks)
        return quick, file, slow

    quick, file, slow = ran(many())
    assert (quick.status, quick.answered[1]["body"]) == (200, b"3")
    assert file.status == 200
    assert [one.status for one in slow] == [200, 200]


def test_a_body_has_to_arrive_at_a_rate_and_may_stand_still_for_a_while(monkeypatch):
    """A part now and then is not enough; time saved by a quick beginning does not count."""
    monkeypatch.setattr(gate, "PATIENCE", 1.0)  # a busy machine may take a part of it

    async def arrived(parts: list[tuple[float, bytes]]) -> int:
        waiting = iter(parts)

        async def receive():
            seconds, body = next(waiting)
            await asyncio.sleep(seconds)
            return {"type": "http.request", "body": body, "more_body": body != b"end"}

        return sum([len(p) async for p in gate.parts({"headers": []}, receive, 99)])

    enough = b"x" * int(0.1 * gate.SLOWEST)
    assert ran(arrived([(0.05, enough)] * 9 + [(0, b"end")])) == 9 * len(enough) + 3
    for parts in ([(0.05, b"x")] * 99, [(0, 100 * enough), *[(0.05, b"x")] * 99]):
        with pytest.raises(RefusedError, match="did not arrive"):
            ran(arrived(parts))


def test_bodies_share_a_room_and_what_does_not_fit_is_heard_out():
    async def arriving(*sizes: int):
        for size in sizes:
            yield bytes(size)

    async def several():
        room, heard = Room(100), arriving(30, 80, 30)
        async with room.whole(arriving(60)) as first, room.whole(arriving(40)) as second:
            found = [len(first), len(second)]
            with pytest.raises(RefusedError) as refused:
                await room.whole(arriving(1)).__aenter__()
        with contextlib.suppress(RefusedError):
            await room.whole(heard).__aenter__()
        async with room.whole(arriving(50, 50)) as body:  # all is given back
            return found, refused.value.status, [p async for p in heard], len(body)

    assert ran(several()) == ([60, 40], 503, [], 100)


class Part(bytearray):
    """Bytes that can be watched."""


def test_who_asks_too_often_is_heard_out_and_nothing_is_kept():
    kept = []

    async def asked():
        door = Gate(said, dataclasses.replace(SMALL, requests=1))
        first = Sender(b"abc")
        first.end.set()
        await first.asks(door)
        again = Sender(*(Part(1000) for _ in range(5)), b"end")
        watched = [weakref.ref(part) for part in again.parts[:5]]
        task = again.asks(door)
        await again.asked.wait()
        gc.collect()
        kept.extend(one() for one in watched[:4])
        again.end.set()
        await task
        return again

    again = ran(asked())
    assert again.status == 429
    assert kept == [None] * 4


def test_the_rooms_are_as_large_as_what_is_answered_together():
    door = Gate(said, SMALL)
    assert door._files._left == UPLOADS * (SMALL.upload_megabytes * 1e6 + FORM)
    assert door._others._left == 2 * SMALL.visitors * SMALL.request_megabytes * 1e6
