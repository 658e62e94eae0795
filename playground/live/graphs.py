"""A model's parts as ONNX graphs for the browser: text encoder, network with maps, autoencoder.

They have no attention in one operation, because the one contributed for it gives wrong numbers on
WebGPU. Weights that are float16 numbers, as those of a published network are, are stored as such,
each followed by a Cast: half the bytes, the same numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from playground.attention.layouts import Size
from playground.diffusion.guidance import EMBEDDED
from playground.engine.backends.exported import ROWS
from playground.engine.backends.graph import PREDICTION, Decoder
from playground.engine.backends.joint_graph import MAPS, JointWithMaps
from playground.engine.backends.unet_graph import UNetWithMaps
from playground.live import sharing
from playground.live.closer import WORKED, Closer, axes_of_layer, no_edit
from playground.live.optimizing import graph_of
from playground.models.families.joint import JointModel
from playground.models.families.unet import UNetModel
from playground.models.latent import LatentModel

SIZE = ROWS | {2: "h", 3: "w"}  # axes of latents


@dataclass(frozen=True)
class Network:
    """`grids`: by output, how many latents a side one position of its layers is; `layers`: their
    names, whose outputs are [rows, heads, positions, tokens]; `heads` of each layer.

    A graph's stored weights begin at `weights`. Followed by them, `closer` is the graph that edits
    and works out (`closer.Closer`), and `order` has its layers as they are computed; a network
    without cross-attention has none.
    """

    graph: bytes
    grids: dict[str, int]
    layers: dict[str, list[str]]
    heads: int
    weights: int = 0
    closer: bytes = b""
    order: Sequence[str] = ()


def network(model: LatentModel) -> Network:
    """The denoiser, for any number of rows and latents of any size that it draws."""
    if isinstance(model, UNetModel):
        return _unet(model)
    if isinstance(model, JointModel):
        return _joint(model)
    raise ValueError(f"{model.name} has no graph for the browser.")


def _unet(model: UNetModel) -> Network:
    h, w = model.size
    empty, told = model.encode(""), model.guidance_kind is EMBEDDED
    example = {
        "latents": torch.zeros(2, model.channels, h, w),
        "timesteps": torch.zeros(2),
        "embeds": empty.embeds,
        "prompt": torch.zeros(2, dtype=torch.int64),
        "weights": torch.ones(2, len(empty.ids)),
    } | ({"guidance": torch.ones(2)} if told else {})
    whole = UNetWithMaps(model.unet, portable=True).eval()
    usual = (_Told if told else _Weighted)(whole, model)
    with torch.no_grad():
        usual(*example.values())  # records the layers and their grids
    by_grid: dict[Size, list[str]] = {}
    for name, (grid, probabilities) in whole.kept.items():
        by_grid.setdefault(grid, []).append(name)
        heads = probabilities.shape[1]
    layers, order = {f"{a}x{b}": names for (a, b), names in by_grid.items()}, list(whole.kept)
    axes = (
        {"latents": SIZE, PREDICTION: SIZE, "embeds": {0: "prompts"}}
        | {grid: ROWS | {1: f"positions of {grid}"} for grid in layers}
        | {n: ROWS | {2: f"positions of {g}"} for g, names in layers.items() for n in names}
    )
    outputs = [PREDICTION, *layers, *order]
    graph = graph_of(usual, tuple(example.values()), list(example), outputs, axes)
    structure, weights = sharing.split(halved(graph))
    closer, edit = Closer(usual, whole), no_edit(2, len(empty.ids))
    for name in order:
        axes |= {f"{name} {what}": found for what, found in axes_of_layer(axes[name][2]).items()}
    outputs += [f"{name} {what}" for name in order for what in WORKED]
    graph = graph_of(closer, (*example.values(), *edit.values()), [*example, *edit], outputs, axes)
    graph = sharing.named(graph, outputs)
    return Network(
        structure + weights, {name: h // a for name, (a, _) in zip(layers, by_grid, strict=True)},
        layers, heads, len(structure), sharing.adopted(halved(graph), weights), order,
    )  # fmt: skip


class _Weighted(nn.Module):
    """A U-Net that is given weights of words [rows, tokens] too."""

    def __init__(self, whole: UNetWithMaps, model: UNetModel):
        super().__init__()
        self.whole = whole

    def forward(self, latents, timesteps, embeds, prompt, weights) -> tuple[Tensor, ...]:
        return self.whole(latents, timesteps, embeds, prompt, None, weights)


class _Told(_Weighted):
    """The same where the network takes w [rows]: its sinusoid (see `UNetModel.guidance_embeds`) is
    a part of the graph, so that its frequencies are the same numbers everywhere.
    """

    def __init__(self, whole: UNetWithMaps, model: UNetModel):
        super().__init__(whole, model)
        half = model.unet.config.time_cond_proj_dim // 2
        step = torch.log(torch.tensor(10000.0)) / (half - 1)
        self.waves = torch.exp(torch.arange(half) * -step)

    def forward(self, latents, timesteps, embeds, prompt, weights, scale=None):
        angles = ((scale - 1) * 1000)[:, None] * self.waves
        embedded = torch.cat([angles.sin(), angles.cos()], 1)
        return self.whole(latents, timesteps, embeds, prompt, embedded, weights)


def _joint(model: JointModel) -> Network:
    h, w = model.size
    whole = JointWithMaps(model.network, portable=True).eval()
    prompt = model.encode("")
    example = (
        torch.zeros(2, model.channels, h, w), torch.zeros(2),
        torch.cat([prompt.embeds] * 2), torch.cat([prompt.pooled] * 2),
    )  # fmt: skip
    inputs = ["latents", "timesteps", "embeds", "pooled"]
    patch = model.network.config.patch_size
    graph = graph_of(
        whole, example, inputs, (PREDICTION, MAPS, *whole.names),
        {
            "latents": SIZE, PREDICTION: SIZE, "embeds": ROWS | {1: "tokens"},
            MAPS: ROWS | {1: "positions", 2: "tokens"},
        } | {name: ROWS | {2: "positions", 3: "tokens"} for name in whole.names},
    )  # fmt: skip
    heads = model.network.config.num_attention_heads
    return Network(halved(graph), {MAPS: patch}, {MAPS: whole.names}, heads)


def text(model: LatentModel) -> bytes:
    """The text encoder: ids [rows, tokens] → embeds [rows, tokens, width], pooled [rows, width]."""
    ids = torch.tensor([model.encode(said).ids for said in ("", "a")])
    tokens = {0: "rows", 1: "tokens"}
    graph = graph_of(
        _Text(model.text_encoder), (ids,), ("ids",), ("embeds", "pooled"),
        {"ids": tokens, "embeds": tokens},
    )  # fmt: skip
    return halved(graph)


class _Text(nn.Module):
    def __init__(self, encoder: nn.Module):
        super().__init__()
        self.encoder = encoder

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        said = self.encoder(ids)
        return said.last_hidden_state, said.pooler_output


def decoder(model: LatentModel) -> bytes:
    """Latents → pixels [rows, height, width, 3] in [−1, 1] and a little beyond."""
    h, w = model.size
    graph = graph_of(
        Decoder(model), (torch.zeros(2, model.channels, h, w),), ("latents",), ("pixels",),
        {"latents": SIZE, "pixels": ROWS | {1: "height", 2: "width"}},
    )  # fmt: skip
    return halved(graph)


def encoder(model: LatentModel) -> bytes:
    """Pictures [rows, height, width, 3] of 0 … 255 → latents: `LatentModel.latents_of`."""
    h, w = (side * model.factor for side in model.size)
    graph = graph_of(
        _Encoder(model), (torch.zeros(2, h, w, 3),), ("pixels",), ("latents",),
        {"latents": SIZE, "pixels": ROWS | {1: "height", 2: "width"}},
    )  # fmt: skip
    return halved(graph)


class _Encoder(nn.Module):
    def __init__(self, model: LatentModel):
        super().__init__()
        self.vae = model.vae
        self.shift = getattr(model.vae.config, "shift_factor", None) or 0.0
        self.scale = model.vae.config.scaling_factor

    def forward(self, pixels: Tensor) -> Tensor:
        encoded = self.vae.encode(pixels.permute(0, 3, 1, 2) / 127.5 - 1).latent_dist.mode()
        return (encoded - self.shift) * self.scale


def halved(graph: bytes) -> bytes:
    """The graph with each weight that is a float16 number stored as one, and cast where it is used.

    ONNX Runtime casts them once, while it loads the graph.
    """
    model = onnx.load_from_string(graph)
    kept, casts = [], []
    for weight in model.graph.initializer:
        numbers = numpy_helper.to_array(weight)
        if numbers.dtype == np.float32 and numbers.size > 1 and _is_half(numbers):
            stored = numpy_helper.from_array(numbers.astype(np.float16), f"{weight.name}.half")
            casts.append(
                onnx.helper.make_node(
                    "Cast", [stored.name], [weight.name], f"{weight.name}.cast",
                    to=onnx.TensorProto.FLOAT,
                )
            )  # fmt: skip
            weight = stored
        kept.append(weight)
    _replace(model.graph.initializer, kept)
    _replace(model.graph.node, [*casts, *model.graph.node])
    model.doc_string = ""
    for node in model.graph.node:
        node.doc_string = ""  # where in the sources it was traced: it differs between machines
    return model.SerializeToString(deterministic=True)


def _is_half(numbers: np.ndarray) -> bool:
    with np.errstate(over="ignore"):
        return bool((numbers.astype(np.float16).astype(np.float32) == numbers).all())


def _replace(field, values: Sequence) -> None:
    values = list(values)
    del field[:]
    field.extend(values)
