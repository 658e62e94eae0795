"""A small Stable Diffusion 1 in the names of the code that trained it (CompVis/stable-diffusion).

diffusers reads these names; here they are made, by the tables of its script
`convert_diffusers_to_original_stable_diffusion.py`.
"""

import re
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

RESNET = {
    "norm1": "in_layers.0", "conv1": "in_layers.2", "norm2": "out_layers.0",
    "conv2": "out_layers.3", "time_emb_proj": "emb_layers.1", "conv_shortcut": "skip_connection",
}  # fmt: skip
ENDS = {
    "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2",
}  # fmt: skip
VAE_ATTENTION = {
    "group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out",
}  # fmt: skip


def of(folder: Path) -> dict[str, Tensor]:
    """All weights of a diffusers folder with four levels of two layers, in the other names."""
    parts = {
        "unet": (_unet, "model.diffusion_model."),
        "vae": (_vae, "first_stage_model."),
        "text_encoder": (_text, "cond_stage_model.transformer."),
    }
    return {
        begins + named(name): _shaped(part, name, weight)
        for part, (named, begins) in parts.items()
        for file in (folder / part).glob("*.safetensors")
        for name, weight in load_file(file).items()
    }


def _shaped(part: str, name: str, weight: Tensor) -> Tensor:
    """The autoencoder's attention was written with 1×1 convolutions."""
    linear = part == "vae" and "attentions" in name and weight.ndim == 2
    return weight[..., None, None] if linear else weight


def _unet(name: str) -> str:
    for ours, theirs in ENDS.items():
        if name.startswith(f"{ours}."):
            return name.replace(ours, theirs, 1)
    if found := re.match(r"(down|up)_blocks\.(\d)\.(\w+)\.(\d)\.", name):
        way, level, kind, number = found[1], int(found[2]), found[3], int(found[4])
        place = {
            "resnets": "0.", "attentions": "1.", "downsamplers": "0.",
            "upsamplers": "1." if level == 0 else "2.",
        }[kind]  # fmt: skip
        if kind == "downsamplers":
            block, name = 3 * (level + 1), name.replace(".conv.", ".op.")
        elif kind == "upsamplers":
            block = 3 * level + 2
        else:
            block = 3 * level + number + (way == "down")
        begins = f"{'input' if way == 'down' else 'output'}_blocks.{block}.{place}"
    else:
        found = re.match(r"mid_block\.(\w+)\.(\d)\.", name)
        kind = found[1]
        begins = f"middle_block.{1 if kind == 'attentions' else 2 * int(found[2])}."
    rest = name[found.end() :]
    return begins + (_replaced(rest, RESNET) if kind == "resnets" else rest)


def _vae(name: str) -> str:
    name = re.sub(r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(
        r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"up.{3 - int(m[1])}.block.{m[2]}", name
    )
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{3 - int(m[1])}.upsample", name)
    name = re.sub(
        r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name
    )  # fmt: skip
    if "mid_block.attentions.0." in name:
        name = _replaced(name.replace("mid_block.attentions.0", "mid.attn_1"), VAE_ATTENTION)
    return name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")


def _text(name: str) -> str:
    return name if name.startswith("text_model.") else f"text_model.{name}"


def _replaced(name: str, table: dict[str, str]) -> str:
    for ours, theirs in table.items():
        name = re.sub(rf"(^|\.){re.escape(ours)}\.", rf"\g<1>{theirs}.", name)
    return name
