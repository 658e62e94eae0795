"""What Ray Serve makes a replica of."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from ray import serve

from playground.engine.session import Session
from playground.engine.work import Limits, Work
from playground.recipe import Recipe
from playground.replicas.records import Answer, Asked, Record
from playground.replicas.replica import Replica

MODELS = 4  # open models of one replica: the one least recently asked for is closed first


class Deployed:
    async def __init__(self, limits: Limits | None):
        """It is ready when it has opened the model that a visitor begins with."""
        self._work = limits and Work(limits)
        self._replica = Replica(lambda *model: self.opened(json.dumps(model)))
        await self.opened(json.dumps([Recipe().model, ""]))

    @serve.multiplexed(max_num_models_per_replica=MODELS)
    async def opened(self, key: str) -> Session:
        """The session of a model; the key is the JSON of its name and LoRA."""
        from playground.engine.local import open_session

        one = await asyncio.to_thread(open_session, *json.loads(key), None, self._work)
        threading.Thread(target=one.prepare, name="prepare", daemon=True).start()
        return one

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
