"""Start replicas: how many there are, and what their processes are told."""

import atexit
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from playground.engine.work import Limits
from playground.hosting.settings import PREFIX

if TYPE_CHECKING:
    from playground.replicas.cluster import Cluster

NAME = "latent-playground"
ONGOING = 1000  # runs and calls of one replica: its engine batches them
TARGET = 8  # requests of a replica, on average, above which another one is started
STORE = 300_000_000  # bytes of shared memory for records on their way, on this machine
LOGGED = {"log_level": "WARNING"}
# Nothing is reported to anybody: neither by Ray nor by ONNX Runtime.
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "ORT_DISABLE_TELEMETRY": "1"}


@dataclass(frozen=True)
class Count:
    """How many replicas: always `least`, or up to `most` by the number of requests."""

    least: int
    most: int

    @classmethod
    def read(cls, text: str) -> "Count":
        """Of “2” or “1-4”; raises ValueError with a sentence."""
        first, dash, last = text.partition("-")
        try:
            found = cls(int(first), int(last if dash else first))
        except ValueError:
            found = cls(0, 0)
        if not 1 <= found.least <= found.most:
            raise ValueError(f"Replicas are a number or a range, 2 or 1-4, not {text[:20]!r}.")
        return found


def start(
    count: Count, threads: int | None = None, limits: Limits | None = None,
    tell: Callable[[str], object] = lambda _: None,
) -> "Cluster":  # fmt: skip
    """Start replicas with so many threads each and wait until they are there; by default this
    machine's cores are shared out.

    They run on the cluster whose address RAY_ADDRESS says, else on this machine. `limits` are those
    of a visitor's work; `tell` says a sentence to whoever iterates over a run. Raises ValueError
    without Ray.
    """
    try:
        import ray
        from ray import serve
    except ImportError as error:
        raise ValueError("Replicas need Ray Serve: pip install '.[serve]'.") from error
    from playground.replicas.cluster import Cluster

    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    threads = threads or max(1, (os.cpu_count() or 1) // count.most)
    os.environ.update(QUIET)
    if "RAY_ADDRESS" in os.environ:
        ray.init(configure_logging=False)
    else:
        ray.init(
            "local", include_dashboard=False, num_cpus=count.most * threads,
            object_store_memory=STORE, configure_logging=False,
        )  # fmt: skip
    serve.start(proxy_location="Disabled", logging_config=LOGGED)  # no HTTP but the page's
    handle = serve.run(
        _deployment(count, threads).bind(limits),
        name=NAME,
        route_prefix=None,
        logging_config=LOGGED,
    )
    atexit.register(stop)
    return Cluster(handle, tell)


def stop() -> None:
    """End the replicas, and Ray if it was started here."""
    import ray
    from ray import serve

    atexit.unregister(stop)
    if ray.is_initialized():
        serve.delete(NAME)
        ray.shutdown()


def _deployment(count: Count, threads: int) -> Any:
    from ray import serve
    from ray.serve.config import AutoscalingConfig, RequestRouterConfig
    from ray.serve.experimental.consistent_hash_router import ConsistentHashRouter

    from playground.replicas.deployed import Deployed

    variables = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    number: dict[str, Any] = {"num_replicas": count.least}
    if count.most > count.least:
        number = {
            "autoscaling_config": AutoscalingConfig(
                min_replicas=count.least,
                max_replicas=count.most,
                target_ongoing_requests=TARGET,
            )
        }
    return serve.deployment(
        name="engine",
        max_ongoing_requests=ONGOING,
        request_router_config=RequestRouterConfig(request_router_class=ConsistentHashRouter),
        ray_actor_options={
            "num_cpus": threads,
            "runtime_env": {
                "env_vars": variables | QUIET | {"OMP_NUM_THREADS": str(threads)},
            },
        },
        **number,
    )(Deployed)
