"""Cross-attention at one place of the latent, worked out with the real numbers.

For the query q of that place and the key and value k_j, v_j of every token, per head:
score_j = q·k_j/√d, weight_j = softmax(score)_j, and the layer adds Σ_j weight_j·W v_j (+ bias) to
the place's feature (Vaswani et al. 2017, arXiv 1706.03762, eq. 1; W is the output projection).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.attention_processor import Attention
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch import Tensor, nn

from playground.models.latent import LatentModel, Prompt


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer's computation at one place. Columns are those of the prompt's token maps.

    All padding tokens share a column: their weights add up, their score is log Σ exp(score), so
    that weight = softmax(score) still holds, and their values' effect is that of the sum.
    """

    name: str
    grid: tuple[int, int]
    place: tuple[int, int]  # (row, column) in the grid
    width: int  # d: numbers of a head's query
    scores: Tensor  # [heads, columns]
    weights: Tensor  # [heads, columns], sum to 1
    moves: Tensor  # [heads, columns]: ‖weight_j·W v_j‖
    moved: Tensor  # [heads]: ‖Σ_j weight_j·W v_j‖
    total: float  # ‖what the layer adds‖, all heads and the bias
    feature: float  # ‖the feature it is added to‖


@torch.inference_mode()
def work_out(
    model: LatentModel, latents: Tensor, timestep: float, prompt: Prompt, x: float, y: float
) -> list[Layer]:
    """Every cross-attention layer's numbers at the place (x, y) in 0 … 1, in order of computation.

    `latents` [1, channels, h, w] is what the network saw. Costs one network call of one row.
    """
    layers = []

    def take(call: Call) -> None:
        h, w = call.grid
        layers.append(_at_place(call, (int(y * h), int(x * w)), prompt.columns))

    with model.network_lock, watching(model.unet, take):
        model.predict(latents, torch.tensor([timestep]), [prompt])
    return layers


@dataclass(frozen=True, eq=False)
class Call:
    """What one layer is about to work on; tensors are [1, places or tokens, width]."""

    name: str
    attention: Attention
    grid: tuple[int, int]
    feature: Tensor  # the block's hidden states, to which the layer's answer is added
    hidden: Tensor  # the same, normalised: what queries are made from
    text: Tensor


@contextmanager
def watching(network: nn.Module, take: Callable[[Call], None]) -> Iterator[None]:
    """Inside, `take` hears of every cross-attention call of `network`, just before it."""
    hooks, grid, feature = [], [(0, 0)], [None]

    def note_grid(_, args, kwargs):
        grid[0] = tuple((args[0] if args else kwargs["hidden_states"]).shape[-2:])

    def note_feature(_, args):
        feature[0] = args[0]

    def tell(name: str):
        def hook(attention, args, kwargs):
            text = kwargs["encoder_hidden_states"]
            take(Call(name, attention, grid[0], feature[0], args[0], text))

        return hook

    try:
        for name, module in network.named_modules():
            if isinstance(module, Transformer2DModel):
                hooks.append(module.register_forward_pre_hook(note_grid, with_kwargs=True))
            if isinstance(module, BasicTransformerBlock) and module.attn2 is not None:
                hooks.append(module.norm2.register_forward_pre_hook(note_feature))
                hooks.append(module.attn2.register_forward_pre_hook(tell(name), with_kwargs=True))
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _at_place(call: Call, place: tuple[int, int], columns: Tensor) -> Layer:
    attention, at, split = call.attention, place[0] * call.grid[1] + place[1], call.attention.heads
    q = attention.to_q(call.hidden[:, at])[0].unflatten(0, (split, -1))  # [heads, d]
    k = attention.to_k(call.text)[0].unflatten(1, (split, -1)).movedim(1, 0)  # [heads, tokens, d]
    v = attention.to_v(call.text)[0].unflatten(1, (split, -1)).movedim(1, 0)
    scores = (k @ q[:, :, None])[..., 0] / q.shape[1] ** 0.5
    weights = scores.softmax(-1)
    projection = attention.to_out[0]
    of_head = projection.weight.unflatten(1, (split, -1)).movedim(1, 0)  # [heads, out, d]
    effect = (weights[..., None] * v) @ of_head.mT  # [heads, tokens, out]
    merged = effect.new_zeros(len(q), int(columns.max()) + 1, effect.shape[2])
    merged.index_add_(1, columns, effect)
    shares = weights.new_zeros(merged.shape[:2]).index_add_(1, columns, weights)
    return Layer(
        call.name, call.grid, place, q.shape[1],
        scores=shares.log() + scores.logsumexp(-1, keepdim=True),
        weights=shares,
        moves=merged.norm(dim=2),
        moved=merged.sum(1).norm(dim=1),
        total=float((effect.sum((0, 1)) + projection.bias).norm()),
        feature=float(call.feature[0, at].norm()),
    )  # fmt: skip
