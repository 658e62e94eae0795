"""The noise schedule of a stock pipeline, as its scheduler's configuration says it."""

from typing import Any

from playground.diffusion import samplers
from playground.models.latent import UnsupportedNetworkError


def config_of(name: str, scheduler: Any) -> dict:
    """The configuration of a pipeline's scheduler, with its class's name.

    Raises UnsupportedNetworkError for schedulers of models whose levels are not known here, such
    as those of Karras et al. 2022 (arXiv 2206.00364), which scale their network's inputs.
    """
    kind = type(scheduler).__name__
    config = {**scheduler.config, "_class_name": kind}
    if not (samplers.is_flow(config) or hasattr(scheduler, "alphas_cumprod")):
        raise UnsupportedNetworkError(
            f"{name} cannot be drawn: its {kind} belongs to models whose levels are not known here."
        )
    return config
