"""Serve a page: its limits, its headers, its health, and the end of the process if it is dead."""

import asyncio
import getpass
import importlib
import inspect
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute, Route

from playground.hosting import headers, preview
from playground.hosting.gate import Gate
from playground.hosting.headers import Headers
from playground.hosting.health import PAUSE, Health, Pulse, Watch, stalled
from playground.hosting.packed import Packed
from playground.hosting.settings import MEGABYTE, Settings
from playground.page.hosting import refusals
from playground.page.hosting.files import Listed
from playground.page.hosting.listening import attend
from playground.page.hosting.mailboxes import Mailboxes
from playground.page.hosting.states import States
from playground.page.hosting.visits import Noted, Visits, give_back

TIDY = 1.0  # seconds between two looks for who has left
QUICK = 16  # visitors at the same time in each handler that says nothing else
SPARE = 64  # threads and places beside those of the visitors who draw
CALM = (Path(__file__).parent / "calm.js").read_text(encoding="utf-8")
RUNS = "runs"  # what handlers that compute share
# Gradio would compute statistics of the last 10,000 events after every single one.
STATISTICS = {"GRADIO_ANALYTICS_CACHE_FREQUENCY": str(10**9), "GRADIO_ANALYTICS_MAX_EVENTS": "1"}
FILES = 600  # seconds between two looks for old files
# Gradio sets matplotlib's backend around every event. Where none was chosen before, the first event
# of a process tries which one there is, for half a second, and everybody waits.
MATPLOTLIB = {"MPLBACKEND": "agg"}
# Seconds between gradio's estimates of when an event will begin, which the page does not show. It
# would tell everybody who waits whenever one begins: 50 at once, 1,275 messages.
ESTIMATES = 60


def own_folder(name: str) -> str:
    """A folder among the temporary files that is this user's alone, the same one at each start."""
    user = os.getuid() if hasattr(os, "getuid") else getpass.getuser()
    place = Path(tempfile.gettempdir()) / f"{name}-{user}"
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        said = place.lstat()
    except OSError:
        return tempfile.mkdtemp()
    strange = hasattr(os, "getuid") and (said.st_uid != user or said.st_mode & 0o077)
    return tempfile.mkdtemp() if strange or place.is_symlink() else str(place)


class Host:
    """`drawing` says for how many seconds no run of an engine has gone on (see `Session.stalled`);
    `routes` are served beside the page's own.
    """

    def __init__(
        self, page: gr.Blocks, settings: Settings, drawing: Callable[[], float],
        routes: Sequence[BaseRoute] = (),
    ):  # fmt: skip
        self.page, self.settings, self.visits = page, settings, Visits(settings)
        self.pulse, self._routes = Pulse(), routes
        self.health = Health(
            {
                "queue": lambda: "the queue has stopped" if page._queue.stopped else "",
                "page": stalled(self.pulse.age, "the page", settings.stalled_seconds),
                "engine": stalled(drawing, "the engine", settings.stalled_seconds),
            }
        )

    def launch(self, **options) -> None:
        """Serve the page in a thread; `options` are those of `gradio.Blocks.launch`."""
        page, most = self.page, self.settings
        page.delete_cache = (FILES, most.upload_minutes * 60)
        for name, value in (STATISTICS | MATPLOTLIB).items():
            os.environ.setdefault(name, value)
        if "MPLCONFIGDIR" not in os.environ:  # what matplotlib notes is none of a home's
            os.environ["MPLCONFIGDIR"] = own_folder("latent-playground")
        page.queue(
            max_size=most.waiting, default_concurrency_limit=QUICK, api_open=False,
            status_update_rate=ESTIMATES,
        )  # fmt: skip
        self._all_at_once()
        refusals.guard(page)
        page.temp_file_sets = [Listed(files) for files in page.temp_file_sets]
        page.launch(
            max_threads=most.visitors + SPARE,
            max_file_size=int(most.upload_megabytes * MEGABYTE),
            state_session_capacity=most.sessions,
            app_kwargs=self.around(), show_error=False, run_history=False,
            enable_monitoring=False, **options,
            _frontend=False,  # else it gives up where its page takes 3 s: on a busy machine
        )  # fmt: skip

    def _all_at_once(self) -> None:
        """Let whatever computes begin at once: who waits for a place in gradio's queue sees
        nothing, but a run that has begun says what it waits for.
        """
        for handler in self.page.fns.values():
            if inspect.isgeneratorfunction(handler.fn):
                handler.concurrency_id = RUNS
                handler.concurrency_limit = self.settings.visitors

    def around(self) -> dict:
        """What gradio's application is made with."""
        return {
            "middleware": [
                Middleware(Headers, headers=headers.of(self.settings.frames)),
                Middleware(Gate, settings=self.settings),
                Middleware(Noted, visits=self.visits),
                Middleware(Packed),
                # The page itself is 4 MB of text, which `Preview` asks for as it is.
                Middleware(GZipMiddleware, minimum_size=10_000, compresslevel=5),
                Middleware(preview.Preview, script=CALM),
                Middleware(refusals.Direct),
            ],
            "exception_handlers": refusals.handlers(),
            "routes": [
                Route("/health", self.health.route),
                preview.ROUTE,
                *self._routes,
                *refusals.routes(),
            ],
            "lifespan": self._lifespan,
        }

    @asynccontextmanager
    async def _lifespan(self, app) -> AsyncIterator[None]:
        queue = self.page._queue
        queue.pending_messages_per_session = Mailboxes(self.settings.sessions, self.visits.needed)
        app.state_holder = States()
        app.state_holder.set_blocks(self.page)
        self.visits.follow(queue, app.state_holder)
        attend(queue, self.visits.here_now)
        beside = self._keep_tidy(), asyncio.to_thread(importlib.import_module, "matplotlib")
        tasks = [asyncio.create_task(one) for one in beside]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()

    async def _keep_tidy(self) -> None:
        while True:
            self.pulse.beat()
            await asyncio.sleep(TIDY)
            if await self.visits.tidy():
                await asyncio.to_thread(give_back)

    def serve(self, pause: float = PAUSE) -> None:
        """Wait until the server is stopped; end the process if it is dead, which is looked for
        every `pause` seconds.
        """
        watch = Watch(self.health, pause=pause)
        try:
            self.page.block_thread()
        finally:
            watch.stop()
