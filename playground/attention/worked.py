"""Cross-attention at one spatial position, worked out with the real numbers.

For the query q of that position and the key and value k_j, v_j of every token, per head:
score_j = q·k_j/√d, weight_j = softmax(score)_j, and the layer adds Σ_j weight_j·W v_j (+ bias) to
the position's feature (Vaswani et al. 2017, arXiv 1706.03762, eq. 1; W is the output projection).
"""

import math
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from playground.attention.calls import Call, attention_calls
from playground.attention.layouts import CROSS_ATTENTION, UnreadableAttentionError, layout_of
from playground.diffusion.levels import Level
from playground.models.latent import LatentModel
from playground.models.prompt import Condition, Prompt


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer's computation at one position. Columns are those of the prompt's token maps.

    All padding tokens share a column: their weights add up, their score is log Σ exp(score), so
    that weight = softmax(score) still holds, and their values' effect is that of the sum.
    """

    name: str  # of the block around the layer
    grid: tuple[int, int]
    place: tuple[int, int]  # the position's (row, column) in the grid
    width: int  # d: numbers of a head's query
    scores: Tensor  # [heads, columns]
    weights: Tensor  # [heads, columns], sum to 1
    moves: Tensor  # [heads, columns]: ‖weight_j·W v_j‖
    moved: Tensor  # [heads]: ‖Σ_j weight_j·W v_j‖
    total: float  # ‖what the layer adds‖, all heads and the bias
    feature: float  # ‖the feature it is added to‖


@torch.inference_mode()
def work_out(
    model: LatentModel, latents: Tensor, timestep: float, prompt: Prompt, x: float, y: float,
    w: float | None = None,
) -> list[Layer]:  # fmt: skip
    """Every cross-attention layer's numbers at (x, y), in order of computation.

    `x` and `y` in [0, 1) run from left to right and from top to bottom of the picture. `latents`
    [1, channels, height, width] is what the network saw; `w` is what a network that takes the
    guidance scale as an input was told. Costs one network call of one row. Raises
    UnreadableAttentionError for a network that is no U-Net.
    """
    layout = layout_of(model.network)
    if layout is not CROSS_ATTENTION:
        joint = ": its words and image attend to each other" if layout.begins else ""
        raise UnreadableAttentionError(
            f"Only a U-Net's cross-attention can be worked out; {model.name} is none{joint}."
        )
    layers: list[Layer] = []
    features: dict[str, Tensor] = {}

    def listen(call: Call, output: Tensor) -> Tensor:
        h, w = call.grid
        block = call.name.removesuffix(".attn2")
        place = int(y * h), int(x * w)
        layers.append(_at_position(call, place, prompt.columns, block, features.pop(block)))
        return output

    def keep(block: str):
        def hook(_, args):  # the block's hidden states, to which the layer's answer is added
            features[block] = args[0]

        return hook

    with model.network_lock, ExitStack() as scope:
        scope.enter_context(attention_calls(model.network, CROSS_ATTENTION, listen))
        for name in CROSS_ATTENTION.find(model.network)[0]:
            block = name.removesuffix(".attn2")
            norm = model.network.get_submodule(f"{block}.norm2")
            scope.enter_context(norm.register_forward_pre_hook(keep(block)))
        level = Level(math.nan, math.nan, timestep)  # the network is told the timestep alone
        model.predict(latents, [level], [Condition(prompt, w)])
    return layers


def _at_position(
    call: Call, place: tuple[int, int], columns: Tensor, block: str, feature: Tensor
) -> Layer:
    at, heads = place[0] * call.grid[1] + place[1], call.query.shape[1]
    projection: Any = call.layer.get_submodule("to_out.0")
    scores, value, weight, bias = (  # in float32 on the CPU, as all that leaves a network
        x.float().cpu()
        for x in (call.scores(0)[:, at], call.value[0], projection.weight, projection.bias)
    )
    weights = scores.softmax(-1)  # [heads, tokens]
    of_head = weight.unflatten(1, (heads, -1)).movedim(1, 0)  # [heads, out, d]
    effect = (weights[..., None] * value) @ of_head.mT  # [heads, tokens, out]
    merged = effect.new_zeros(heads, int(columns.max()) + 1, effect.shape[2])
    merged.index_add_(1, columns, effect)
    shares = weights.new_zeros(merged.shape[:2]).index_add_(1, columns, weights)
    return Layer(
        block, call.grid, place, call.query.shape[3],
        scores=shares.log() + scores.logsumexp(-1, keepdim=True),
        weights=shares,
        moves=merged.norm(dim=2),
        moved=merged.sum(1).norm(dim=1),
        total=float((effect.sum((0, 1)) + bias).norm()),
        feature=float(feature[0, at].float().norm()),
    )  # fmt: skip
