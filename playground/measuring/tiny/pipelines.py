"""Small pipelines of real classes with random weights: one diffusers folder a family.

    python -m playground.measuring.tiny.pipelines OUT [family ...]

Classes, config keys and file names are those of real checkpoints; only widths are small.
"""

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import diffusers
import torch
import transformers
from torch import nn

from playground.measuring.tiny import text

SD_SCHEDULE = {
    "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
}  # fmt: skip
FLUX_VAE = {"scaling_factor": 0.3611, "shift_factor": 0.1159}
NO_QUANT = {"use_quant_conv": False, "use_post_quant_conv": False}


def autoencoder(channels: int = 4, scale: float = 0.18215, **options):
    """Eight pixels a spatial position."""
    return diffusers.AutoencoderKL(**{
        "latent_channels": channels, "scaling_factor": scale, "layers_per_block": 1,
        "block_out_channels": (8, 8, 16, 16), "norm_num_groups": 4, "sample_size": 64,
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
    } | options)  # fmt: skip


# ---- U-Nets -----------------------------------------------------------------------------------


def _unet(**options):
    return diffusers.UNet2DConditionModel(**{
        "sample_size": 16, "block_out_channels": (16, 32, 32, 32), "layers_per_block": 2,
        "cross_attention_dim": 32, "attention_head_dim": 8, "norm_num_groups": 8,
    } | options)  # fmt: skip


def _stable_diffusion(scheduler, kind=diffusers.StableDiffusionPipeline, **options):
    parts = {
        "vae": autoencoder(), "unet": _unet(), "scheduler": scheduler,
        "tokenizer": text.clip_tokenizer(), "safety_checker": None, "feature_extractor": None,
        "text_encoder": transformers.CLIPTextModel(text.clip_config()),
        "requires_safety_checker": False,
    }  # fmt: skip
    return kind(**parts | options)


def sd15():
    return _stable_diffusion(
        diffusers.PNDMScheduler(
            **SD_SCHEDULE, skip_prk_steps=True, set_alpha_to_one=False, steps_offset=1
        )
    )


def sd21():
    """v-prediction; a text encoder that pads with "!"; linear projections."""
    return _stable_diffusion(
        diffusers.DDIMScheduler(
            **SD_SCHEDULE, prediction_type="v_prediction", clip_sample=False, steps_offset=1,
            set_alpha_to_one=False,
        ),
        unet=_unet(use_linear_projection=True, attention_head_dim=(2, 4, 4, 4)),
        tokenizer=text.clip_tokenizer("!"),
        text_encoder=transformers.CLIPTextModel(text.clip_config(layers=2, act="gelu")),
    )  # fmt: skip


def lcm():
    """Takes w as an input."""
    return _stable_diffusion(
        diffusers.LCMScheduler(**SD_SCHEDULE, clip_sample=False, set_alpha_to_one=True),
        diffusers.LatentConsistencyModelPipeline,
        unet=_unet(time_cond_proj_dim=32),
    )


def sdxl(scheduler=None):
    return diffusers.StableDiffusionXLPipeline(
        vae=autoencoder(scale=0.13025, force_upcast=True),
        text_encoder=transformers.CLIPTextModel(text.clip_config()),
        text_encoder_2=transformers.CLIPTextModelWithProjection(
            text.clip_config(layers=4, act="gelu")
        ),
        tokenizer=text.clip_tokenizer(), tokenizer_2=text.clip_tokenizer("!"),
        unet=_unet(
            block_out_channels=(16, 32, 32), cross_attention_dim=2 * text.WIDTH,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=(1, 2, 3), attention_head_dim=(2, 4, 4),
            use_linear_projection=True, addition_embed_type="text_time",
            addition_time_embed_dim=8, projection_class_embeddings_input_dim=6 * 8 + text.WIDTH,
        ),
        scheduler=scheduler or diffusers.EulerDiscreteScheduler(
            **SD_SCHEDULE, timestep_spacing="leading", steps_offset=1
        ),
        force_zeros_for_empty_prompt=True, add_watermarker=False,
    )  # fmt: skip


def sdxl_turbo():
    return sdxl(
        diffusers.EulerAncestralDiscreteScheduler(**SD_SCHEDULE, timestep_spacing="trailing")
    )


# ---- transformers with cross-attention ----------------------------------------------------------


def pixart():
    return diffusers.PixArtSigmaPipeline(
        transformer=diffusers.PixArtTransformer2DModel(
            sample_size=16, num_layers=3, patch_size=2, attention_head_dim=8,
            num_attention_heads=4, cross_attention_dim=32, caption_channels=text.WIDTH,
            in_channels=4, out_channels=8, attention_bias=True, norm_eps=1e-6,
            activation_fn="gelu-approximate", num_embeds_ada_norm=1000,
            norm_type="ada_norm_single", norm_elementwise_affine=False,
            use_additional_conditions=False,
        ),
        vae=autoencoder(scale=0.13025), text_encoder=text.t5_encoder(),
        tokenizer=text.t5_tokenizer(),
        scheduler=diffusers.DPMSolverMultistepScheduler(
            beta_start=0.0001, beta_end=0.02, beta_schedule="linear", solver_order=2,
            algorithm_type="dpmsolver++",
        ),
    )  # fmt: skip


def sana():
    """32 pixels a spatial position."""
    tokenizer = text.gemma_tokenizer()
    ends = {
        f"{half}_{name}": value
        for half in ("encoder", "decoder")
        for name, value in {
            "block_types": ("ResBlock",) * 5 + ("EfficientViTBlock",),
            "block_out_channels": (8,) * 6,
            "qkv_multiscales": ((),) * 5 + ((5,),),
            "layers_per_block": (1,) * 6,
        }.items()
    }
    return diffusers.SanaPipeline(
        transformer=diffusers.SanaTransformer2DModel(
            in_channels=4, out_channels=4, num_attention_heads=4, attention_head_dim=8,
            num_layers=2, num_cross_attention_heads=4, cross_attention_head_dim=8,
            cross_attention_dim=32, caption_channels=text.WIDTH, mlp_ratio=2.5, sample_size=4,
            patch_size=1,
        ),
        vae=diffusers.AutoencoderDC(
            latent_channels=4, attention_head_dim=4, scaling_factor=0.41407,
            downsample_block_type="conv", upsample_block_type="interpolate",
            decoder_norm_types="rms_norm", decoder_act_fns="silu", **ends,
        ),
        text_encoder=text.gemma_encoder(len(tokenizer)), tokenizer=tokenizer,
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
    )  # fmt: skip


# ---- transformers with joint attention ----------------------------------------------------------


def sd3():
    first, second = (
        transformers.CLIPTextModelWithProjection(text.clip_config(16, layers)) for layers in (2, 3)
    )
    return diffusers.StableDiffusion3Pipeline(
        transformer=diffusers.SD3Transformer2DModel(
            sample_size=16, patch_size=2, in_channels=16, out_channels=16, num_layers=3,
            attention_head_dim=8, num_attention_heads=4, joint_attention_dim=64,
            caption_projection_dim=32, pooled_projection_dim=32, pos_embed_max_size=32,
            dual_attention_layers=(0,), qk_norm="rms_norm",
        ),
        vae=autoencoder(16, 1.5305, shift_factor=0.0609, **NO_QUANT),
        text_encoder=first, text_encoder_2=second, text_encoder_3=text.t5_encoder(64),
        tokenizer=text.clip_tokenizer(), tokenizer_2=text.clip_tokenizer("!"),
        tokenizer_3=text.t5_tokenizer(),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
    )  # fmt: skip


def flux():
    """The shift of σ grows with the picture; w is an input."""
    schedule = diffusers.FlowMatchEulerDiscreteScheduler(
        shift=3.0, use_dynamic_shifting=True, base_shift=0.5, max_shift=1.15,
        base_image_seq_len=256, max_image_seq_len=4096,
    )  # fmt: skip
    return _flux(schedule, guidance=True)


def flux_schnell():
    return _flux(diffusers.FlowMatchEulerDiscreteScheduler(shift=1.0), guidance=False)


def _flux(scheduler, guidance: bool):
    return diffusers.FluxPipeline(
        transformer=diffusers.FluxTransformer2DModel(
            patch_size=1, in_channels=64, num_layers=2, num_single_layers=2, attention_head_dim=16,
            num_attention_heads=2, joint_attention_dim=32, pooled_projection_dim=text.WIDTH,
            axes_dims_rope=(4, 6, 6), guidance_embeds=guidance,
        ),
        vae=autoencoder(16, FLUX_VAE["scaling_factor"],
                         shift_factor=FLUX_VAE["shift_factor"], **NO_QUANT),
        text_encoder=transformers.CLIPTextModel(text.clip_config()),
        text_encoder_2=text.t5_encoder(), tokenizer=text.clip_tokenizer(),
        tokenizer_2=text.t5_tokenizer(), scheduler=scheduler,
    )  # fmt: skip


def lumina2():
    tokenizer = text.gemma_tokenizer()
    return diffusers.Lumina2Pipeline(
        transformer=diffusers.Lumina2Transformer2DModel(
            sample_size=16, patch_size=2, in_channels=16, hidden_size=32, num_layers=2,
            num_refiner_layers=1, num_attention_heads=2, num_kv_heads=1, multiple_of=16,
            axes_dim_rope=(8, 4, 4), axes_lens=(512, 64, 64), cap_feat_dim=text.WIDTH,
        ),
        vae=autoencoder(16, FLUX_VAE["scaling_factor"],
                         shift_factor=FLUX_VAE["shift_factor"], **NO_QUANT),
        text_encoder=text.gemma_encoder(len(tokenizer)), tokenizer=tokenizer,
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=6.0),
    )  # fmt: skip


def z_image():
    tokenizer = text.qwen_tokenizer()
    return diffusers.ZImagePipeline(
        transformer=diffusers.ZImageTransformer2DModel(
            all_patch_size=(2,), all_f_patch_size=(1,), in_channels=16, dim=32, n_layers=2,
            n_refiner_layers=1, n_heads=2, n_kv_heads=2, qk_norm=True, cap_feat_dim=text.WIDTH,
            rope_theta=256.0, t_scale=1000.0, axes_dims=[8, 4, 4], axes_lens=[512, 64, 64],
        ),
        vae=autoencoder(16, FLUX_VAE["scaling_factor"], shift_factor=FLUX_VAE["shift_factor"]),
        text_encoder=text.qwen3_encoder(len(tokenizer)), tokenizer=tokenizer,
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
    )  # fmt: skip


def qwen_image():
    tokenizer = text.qwen_tokenizer()
    return diffusers.QwenImagePipeline(
        transformer=diffusers.QwenImageTransformer2DModel(
            patch_size=2, in_channels=64, out_channels=16, num_layers=2, attention_head_dim=16,
            num_attention_heads=2, joint_attention_dim=text.WIDTH, axes_dims_rope=(4, 6, 6),
        ),
        vae=diffusers.AutoencoderKLQwenImage(
            base_dim=8, z_dim=16, dim_mult=[1, 2, 2, 2], num_res_blocks=1,
            temperal_downsample=[False, True, True],
        ),
        text_encoder=text.qwen_vl_encoder(len(tokenizer)), tokenizer=tokenizer,
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(
            use_dynamic_shifting=True, base_shift=0.5, max_shift=0.9, base_image_seq_len=256,
            max_image_seq_len=8192, shift=1.0, shift_terminal=0.02, time_shift_type="exponential",
        ),
    )  # fmt: skip


MAKERS: dict[str, Callable] = {
    make.__name__: make
    for make in (
        sd15, sd21, lcm, sdxl, sdxl_turbo, pixart, sana, sd3, flux, flux_schnell, lumina2,
        z_image, qwen_image,
    )
}  # fmt: skip
NOT_CLIPPED = ("sd15", "sd21", "lcm", "sdxl", "sdxl_turbo")


def build(family: str):
    """The pipeline of that family; its weights are the same every time."""
    torch.manual_seed(0)
    pipeline = MAKERS[family]()
    for name, part in pipeline.components.items():
        if isinstance(part, nn.Module):
            _fill(part, words_matter=name.startswith("text_encoder"))
    return pipeline


def _fill(module: nn.Module, words_matter: bool) -> None:
    """Some parameters are made by `torch.empty`; embeddings of 0.02 would hide every word."""
    for parameter in module.parameters():
        if not torch.isfinite(parameter).all() or parameter.abs().max() > 100:
            nn.init.normal_(parameter, std=0.02)
    if words_matter:
        for part in module.modules():
            if isinstance(part, nn.Embedding):
                nn.init.normal_(part.weight, std=0.5)


def write(family: str, folder: Path) -> None:
    """Save it as a real checkpoint is: "clip_sample" is a key that SD's own schedulers ignore."""
    transformers.logging.disable_progress_bar()
    build(family).save_pretrained(folder, safe_serialization=True)
    if family in NOT_CLIPPED:
        file = folder / "scheduler" / "scheduler_config.json"
        file.write_text(
            json.dumps(json.loads(file.read_text(encoding="utf-8")) | {"clip_sample": False}),
            encoding="utf-8",
        )


def version() -> str:
    """Changes whenever what is written may change."""
    sources = b"".join(Path(file).read_bytes() for file in (__file__, text.__file__))
    libraries = f"{diffusers.__version__} {transformers.__version__}".encode()
    return hashlib.sha256(sources + libraries).hexdigest()[:12]


def written(family: str, within: Path) -> Path:
    """Its folder inside `within`, written once, also if several processes ask at a time."""
    folder = within / family
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=within) as place:
            made = Path(place) / family
            write(family, made)
            try:
                os.rename(made, folder)
            except OSError:  # another process was faster
                assert folder.exists()
    return folder


def main(out: str, *families: str) -> None:
    if unknown := set(families) - set(MAKERS):
        sys.exit(f"There is no family {unknown.pop()!r}; there are: {', '.join(MAKERS)}.")
    Path(out).mkdir(parents=True, exist_ok=True)
    for family in families or MAKERS:
        print(written(family, Path(out)))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])
