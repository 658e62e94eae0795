"""Where words, timestep and w enter each network: from its configuration and a run's shapes.

Shapes are those of one row: [channels, h, w] of latents and features, [tokens, width] of sequences.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from playground.page.family.members import Drawn
from playground.page.family.views import inside as view
from playground.page.family.views.inside import Arrow, Box, Use
from playground.wording import counted


@dataclass(frozen=True)
class Way:
    """A way to tell a network something besides its latents."""

    name: str
    label: str
    sentence: str
    source: str


_WAYS = (
    Way("concatenation", "Concatenation",
        "What is told stands beside the latents as more channels, and the first layer reads both.",
        "Rombach et al. 2022, arXiv 2112.10752, sec. 3.3"),
    Way("norm", "Adaptive normalisation",
        "One vector shifts the features of every position alike, and may scale and gate them: good "
        "for one fact about the whole picture.",
        "Perez et al. 2018, arXiv 1709.07871; Peebles & Xie 2023, arXiv 2212.09748, sec. 3.2"),
    Way("cross", "Cross-attention",
        "Every position asks the text's tokens which of them concern it; the text itself stays as "
        "it was.",
        "Rombach et al. 2022, arXiv 2112.10752, sec. 3.3"),
    Way("joint", "Joint attention",
        "Image and text tokens are one sequence: each asks all others, so the text changes too.",
        "Esser et al. 2024, arXiv 2403.03206, sec. 4"),
)  # fmt: skip
WAYS = {way.name: way for way in _WAYS}
NONE = "not here"


def of_runs(state: list[Drawn]) -> dict:
    """The view's data: a diagram for each run, and what the ways are."""
    unlike = sorted(state, key=_is_joint)  # networks of one kind side by side
    return view.diagrams([_diagram(one) for one in unlike], ways())


def ways() -> list[dict]:
    """What the ways are."""
    return [
        {"name": way.name, "label": way.label, "text": f"{way.sentence} ({way.source})"}
        for way in WAYS.values()
    ]


def _is_joint(one: Drawn) -> bool:
    return "joint_attention_dim" in one.facts.network


def _diagram(one: Drawn) -> dict:
    make, shape = joint if _is_joint(one) else unet, one.picture.latents.shape
    return make(one.member.label, one.facts.network, shape, one.prompt.embeds.shape)


def unet(label: str, config: Mapping, latents: tuple, words: tuple) -> dict:
    """A U-Net's diagram, from its configuration as diffusers stores it."""
    depth, count = len(config["block_out_channels"]), config["layers_per_block"]
    (channels, height, width), (tokens, embeds) = latents, words
    sides = [*range(depth), depth - 1, *reversed(range(depth))]
    kinds = [*config["down_block_types"], config["mid_block_type"], *config["up_block_types"]]
    parts = ["down"] * depth + ["middle"] + ["up"] * depth
    blocks = [
        Box(part, _shape(config["block_out_channels"][i], height >> i, width >> i))
        for part, i in zip(parts, sides, strict=True)
    ]
    layers = [count] * depth + [1] + [count + 1] * depth  # of attention, in a block that has it
    reads = [n if "CrossAttn" in kind else 0 for n, kind in zip(layers, kinds, strict=True)]
    residual = 2 * depth * count + depth + 2
    clock = 4 * config["block_out_channels"][0]
    inputs = [Box("latents x", _shape(*latents)), Box("timestep t", _shape(clock)),
              Box("words", _shape(tokens, embeds))]  # fmt: skip
    arrows = [Arrow("latents", 0, [0]), Arrow("norm", 1, list(range(len(blocks)))),
              Arrow("cross", 2, [i for i, n in enumerate(reads) if n])]  # fmt: skip
    heads = config.get("num_attention_heads") or config["attention_head_dim"]
    uses = [
        _concatenated(config, channels),
        Use("norm", f"t as a vector of {clock} numbers is added to the features of "
            f"{counted(residual, 'residual block')}"
            + (", which also scales them." if _scales(config) else ": a shift, no scale.")),
        Use("cross", f"{counted(sum(reads), 'layer')} of {heads} heads: queries from "
            f"{_products(height, width, depth)} positions, keys and values from {tokens} tokens."),
        Use("joint", NONE),
    ]  # fmt: skip
    if told := config.get("time_cond_proj_dim"):
        inputs.append(Box("w", _shape(told)))
        arrows.append(Arrow("norm", 3, list(range(len(blocks)))))
        uses[1] = Use("norm", f"{uses[1].text} w, as {told} numbers, joins t before that.")
    return view.diagram(label, inputs, blocks, arrows, uses, "U-Net")


def joint(label: str, config: Mapping, latents: tuple, words: tuple) -> dict:
    """The diagram of a transformer with joint attention (`SD3Transformer2DModel`)."""
    (channels, height, width), (tokens, embeds) = latents, words
    patch, layers = config["patch_size"], config["num_layers"]
    inner = config["num_attention_heads"] * config["attention_head_dim"]
    places = (height // patch) * (width // patch)
    inputs = [
        Box("latents x", _shape(*latents)),
        Box("t, pooled words", _shape(inner)),
        Box("words", _shape(tokens, embeds)),
    ]
    blocks = [
        Box(f"patches of {patch}×{patch}", _shape(places, inner)),
        *(Box(f"block {i + 1}", _shape(places + tokens, inner)) for i in range(layers)),
        Box("patches to latents", _shape(*latents)),
    ]
    every = list(range(1, layers + 1))
    arrows = [
        Arrow("latents", 0, [0]),
        Arrow("norm", 1, [*every, layers + 1]),
        Arrow("joint", 2, every),
    ]
    uses = [
        _concatenated(config, channels),
        Use("norm", f"t and the pooled words ({config['pooled_projection_dim']} numbers) make one "
            f"vector of {inner}; in each of {layers} blocks it shifts, scales and gates image and "
            f"text by 6 × {inner} numbers each (2 × for text that is only read, in the last)."),
        Use("cross", NONE),
        Use("joint", f"{counted(layers, 'layer')} of {config['num_attention_heads']} heads: "
            f"{places} image tokens and {tokens} text tokens are one sequence of "
            f"{places + tokens}, {inner} numbers each."),
    ]  # fmt: skip
    return view.diagram(label, inputs, blocks, arrows, uses, "MM-DiT")


def _concatenated(config: Mapping, channels: int) -> Use:
    """What of the input's channels are no latents: none in networks that draw from words alone."""
    if more := config["in_channels"] - channels:
        return Use("concatenation", f"{counted(more, 'channel')} beside {channels} of latents.")
    return Use(
        "concatenation", f"{NONE}: all {channels} input channels are latents. Networks for "
        "inpainting put a mask and a picture beside them."
    )  # fmt: skip


def _scales(config: Mapping) -> bool:
    return config.get("resnet_time_scale_shift") == "scale_shift"


def _shape(*numbers: int) -> str:
    return f"[{', '.join(map(str, numbers))}]"


def _products(height: int, width: int, depth: int) -> str:
    *most, last = [f"{height >> i}×{width >> i}" for i in range(depth)]
    return f"{', '.join(most)} and {last}"
