"""A transformer with joint attention as a graph: any number of rows, any size, any text length."""

import copy
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from diffusers.models.activations import GELU
from diffusers.models.attention_processor import Attention, JointAttnProcessor2_0
from diffusers.models.normalization import RMSNorm
from torch import Tensor, nn

from playground.attention.layouts import IMAGE_FIRST, Size, unreadable
from playground.diffusion.levels import Level
from playground.engine.backends.exported import ROWS, Exported
from playground.engine.backends.graph import PREDICTION, Graph, Shape
from playground.engine.backends.operations import FusedGELU, FusedRMSNorm
from playground.models.families.joint import JointModel
from playground.models.prompt import Condition, embeds_of

MAPS = "maps"  # output that sums over all layers: they have one grid, of patches


class JointGraph(Graph):
    """For latents of all shapes that the model draws; `shape` is that of the example."""

    model: JointModel

    def __init__(self, model: JointModel, shape: Shape):
        super().__init__(model, shape, any_size=True)
        channels, h, w = shape
        self.patch = model.network.config.patch_size
        self.checked = [shape, (channels, h - self.patch, w + self.patch)]
        with model.network_lock:  # a call that is running has added hooks
            network = JointWithMaps(model.network).eval()
        conditions = [Condition(model.encode(""))] * 2
        inputs = self.inputs(torch.zeros(2, *shape), [Level(1, 0, 0)] * 2, conditions)
        self.layers = {MAPS: network.names}
        size = ROWS | {2: "h", 3: "w"}
        attention = {name: ROWS | {2: "positions", 3: "tokens"} for name in network.names}
        self.network = Exported(
            network, tuple(map(torch.from_numpy, inputs.values())), list(inputs),
            (PREDICTION, MAPS, *network.names),
            attention | {
                "latents": size, PREDICTION: size, "embeds": ROWS | {1: "tokens"},
                MAPS: ROWS | {1: "positions", 2: "tokens"},
            },
        )  # fmt: skip

    def takes(self, shape: Shape) -> bool:
        most = self.model.network.config.pos_embed_max_size  # patches a side
        return all(n % self.patch == 0 and 0 < n // self.patch <= most for n in shape[1:])

    def grids(self, shape: Shape) -> Mapping[str, Size]:
        return {MAPS: (shape[1] // self.patch, shape[2] // self.patch)}

    def inputs(
        self, latents: Tensor, at: Sequence[Level], conditions: Sequence[Condition]
    ) -> dict[str, np.ndarray]:
        pooled = [c.prompt.pooled for c in conditions if c.prompt.pooled is not None]
        return {
            "latents": latents.numpy(),
            "timesteps": np.array([level.t for level in at], np.float32),
            "embeds": embeds_of(conditions).numpy(),
            "pooled": torch.cat(pooled).numpy(),
        }


class JointWithMaps(nn.Module):
    """A copy of a transformer that also returns how image attends to text.

    After the predictions come the probabilities of text for the image's queries, summed over
    layers, each the mean over heads [rows, positions, tokens]; then those of every layer in `names`
    [rows, heads, positions, tokens]. At every position they sum to the text's share: the rest goes
    to the image. It is a copy so that the original can draw meanwhile.

    The copy's layers get our own processor, which computes exactly what diffusers'
    JointAttnProcessor2_0 computes. Layers with another processor are refused. A `portable` copy has
    no operation that ONNX itself does not have.
    """

    def __init__(self, transformer: nn.Module, portable: bool = False):
        super().__init__()
        self.transformer = copy.deepcopy(transformer)
        self.kept: list[Tensor] = []  # of the last call, by layer
        layers, _ = IMAGE_FIRST.find(self.transformer)
        self.names = list(layers)
        for name, layer in layers.items():
            if type(layer.processor) is not JointAttnProcessor2_0:
                raise unreadable(name, layer, "the exported graph cannot reproduce its processor")
        for name, module in list(self.transformer.named_modules()):
            if name in layers:
                module.set_processor(_Exposing(self.kept.append))
            elif portable:
                continue
            elif isinstance(module, RMSNorm) and module.weight is not None and module.bias is None:
                self.transformer.set_submodule(name, FusedRMSNorm(module))
            elif isinstance(module, GELU) and module.approximate == "tanh":
                self.transformer.set_submodule(name, FusedGELU(module))

    def forward(
        self, latents: Tensor, timesteps: Tensor, embeds: Tensor, pooled: Tensor
    ) -> tuple[Tensor, ...]:
        """Latents [rows, c, h, w], timesteps [rows], embeds [rows, tokens, width], and pooled
        embeds [rows, width].
        """
        self.kept.clear()
        outputs = self.transformer(
            latents, encoder_hidden_states=embeds, pooled_projections=pooled, timestep=timesteps,
            return_dict=False,
        )[0]  # fmt: skip
        maps = torch.stack([weights.mean(1) for weights in self.kept]).sum(0)
        return outputs, maps, *self.kept


class _Exposing:
    """A processor that computes joint attention from explicit probabilities, and hands out those of
    text for the image's queries. Image comes first among queries and keys.
    """

    def __init__(self, keep: Callable[[Tensor], None]):
        self.keep = keep

    def __call__(self, attn: Attention, hidden_states, encoder_hidden_states, attention_mask=None):
        def joined(image: Tensor, text: Tensor, image_norm=None, text_norm=None) -> Tensor:
            """[n, heads, positions + tokens, width of a head]"""
            image, text = (x.unflatten(-1, (attn.heads, -1)) for x in (image, text))
            if image_norm is not None:
                image = image_norm(image)
            if text_norm is not None:
                text = text_norm(text)
            return torch.cat([image, text], 1).transpose(1, 2)

        image, text = hidden_states, encoder_hidden_states
        query = joined(attn.to_q(image), attn.add_q_proj(text), attn.norm_q, attn.norm_added_q)
        key = joined(attn.to_k(image), attn.add_k_proj(text), attn.norm_k, attn.norm_added_k)
        value = joined(attn.to_v(image), attn.add_v_proj(text))
        scale = (attn.inner_dim // attn.heads) ** -0.5
        weights = (query * scale @ key.transpose(-1, -2)).softmax(-1)
        positions = image.shape[1]
        self.keep(weights[:, :, :positions, positions:])
        mixed = (weights @ value).transpose(1, 2).flatten(2)
        image, text = mixed[:, :positions], mixed[:, positions:]
        return attn.to_out[0](image), text if attn.context_pre_only else attn.to_add_out(text)
