"""What the browser is told of models, samplers, guidance and recipes, as site.json.

Everything is read from the tables that the page and the engine use; js/engine/protocol.js says what
each part is.
"""

import json
from dataclasses import asdict

from diffusers import DDPMScheduler

import playground
from playground.attention.summing import Aggregation
from playground.diffusion import guidance, samplers, spacings
from playground.live.graphs import Network
from playground.models import specs, words
from playground.models.families.joint import SHORT, JointModel
from playground.models.latent import LatentModel
from playground.models.specs import ModelSpec
from playground.page.glossary import TERMS
from playground.recipe import FIELDS, FORMER, GRID_KEY, PNG_KEY, QUERY_KEY, VERSION
from playground.world import tokens


def tables() -> dict:
    """All but the models and the files."""
    return {
        "version": playground.__version__,
        "recipe": {
            "version": VERSION,
            "former": {str(version): said for version, said in FORMER.items()},
            "fields": [
                {"name": f.name, "kind": type(f.default).__name__, "default": f.default}
                | dict(f.metadata)
                for f in FIELDS.values()
            ],
            "own": list(specs.OWN),
            "png_key": PNG_KEY,
            "grid_key": GRID_KEY,
            "query_key": QUERY_KEY,
        },
        "samplers": [
            _of(one, "name label order sentence source calls extra stochastic uses_eta distilled")
            for one in samplers.SAMPLERS.values()
        ],
        "spacings": [
            _of(one, "name label sentence source only") for one in spacings.SPACINGS.values()
        ],
        "guiders": [
            _of(one, "name label sentence source clean") for one in guidance.GUIDERS.values()
        ],
        "schedules": [_of(one, "name label sentence") for one in guidance.SCHEDULES.values()],
        "words": {"pattern": words.WORD.pattern, "functions": sorted(words.FUNCTION_WORDS)},
        "vocabulary": tokens.words(),
        "glossary": [_of(term, "name sentence") for term in TERMS.values()],
    }


def _of(record, names: str) -> dict:
    return {name: getattr(record, name) for name in names.split()}


def model(spec: ModelSpec, loaded: LatentModel, network: Network) -> dict:
    """One model, without its files."""
    config, kind = spec.scheduler_config, loaded.guidance_kind
    aggregation = Aggregation.of(spec.card)
    flow = samplers.is_flow(config)
    joint = isinstance(loaded, JointModel)
    longest = loaded.tokenizer.model_max_length
    return {
        "name": spec.name,
        "label": spec.label,
        "sentence": spec.sentence,
        "side": spec.side,
        "largest": spec.largest,
        "multiple": max(loaded.multiple, loaded.factor * max(network.grids.values())),
        "channels": loaded.channels,
        "factor": loaded.factor,
        "kind": "joint" if joint else "unet",
        "guidance": _of(kind, "name label sentence branches"),
        "defaults": dict(spec.defaults),
        "prediction": spec.prediction,
        "scheduler_config": config,
        "alphas_cumprod": [] if flow else alphas(config),
        # Fitted by several threads, whose order of adding shows in the eighth digit.
        "preview_map": loaded.preview_map.double().numpy().round(4).tolist(),
        "parameters": sum(weights.numel() for weights in loaded.network.parameters()),
        "network": _plain(loaded.network.config),
        "aggregation": asdict(aggregation),
        "reading": [asdict(level) for level in aggregation.levels(config)],
        "fits": {name: one.refusal_of(config) for name, one in samplers.SAMPLERS.items()},
        "lengths": [SHORT, longest] if joint else [longest],
        "heads": network.heads,
        "grids": network.grids,
        "layers": network.layers,
        "closer": {"weights": network.weights, "order": list(network.order)}
        if network.closer
        else None,
    }


def alphas(config: dict) -> list[float]:
    """ᾱ of every training timestep, the float32 numbers that diffusers' schedulers compute with."""
    return DDPMScheduler.from_config(config).alphas_cumprod.tolist()


def _plain(config) -> dict:
    kept = {name: value for name, value in dict(config).items() if not name.startswith("_")}
    return json.loads(json.dumps(kept, default=str))
