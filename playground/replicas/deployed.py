"""What Ray Serve makes a replica of."""

import asyncio
import json
import threading
import weakref
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from ray import serve

from playground.engine.session import Session
from playground.engine.work import Limits, Work
from playground.hosting.settings import Settings
from playground.recipe import Recipe
from playground.replicas.records import Answer, Asked, Record
from playground.replicas.replica import Replica

MODELS = 4  # open models of one replica: the one least recently asked for is closed first


class Deployed:
    async def __init__(self, limits: Limits | None):
        """It is ready when it has opened the model that a visitor begins with."""
        self._work = limits and Work(limits)
        self._longest = Settings.from_environment().stalled_seconds
        self._open: weakref.WeakSet[Session] = weakref.WeakSet()
        self._replica = Replica(lambda *model: self.opened(json.dumps(model)))
        await self.opened(json.dumps([Recipe().model, ""]))

    @serve.multiplexed(max_num_models_per_replica=MODELS)
    async def opened(self, key: str) -> Session:
        """The session of a model; the key is the JSON of its name and LoRA."""
        from playground.engine.local import open_session

        one = await asyncio.to_thread(open_session, *json.loads(key), None, self._work)
        self._open.add(one)
        threading.Thread(target=one.prepare, name="prepare", daemon=True).start()
        return one

    def check_health(self) -> None:
        """Serve asks every ten seconds, and replaces a replica that raises."""
        seconds = max((one.stalled for one in self._open), default=0.0)
        if seconds > self._longest:
            raise RuntimeError(f"The engine has not gone on for {seconds:.0f} s.")

    async def run(self, asked: Asked) -> AsyncIterator[Record]:
        async for record in self._replica.run(*_model(), asked):
            yield record

    async def ask(
        self, method: str, arguments: Sequence[Any], options: Mapping[str, Any]
    ) -> Answer:
        return await self._replica.ask(*_model(), method, arguments, options)


def _model() -> list[str]:
    """Name and LoRA of the model that the present request is for."""
    return json.loads(serve.get_multiplexed_model_id())
