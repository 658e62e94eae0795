"""Pipelines as large as the real ones, with random weights: only time and memory are theirs."""

import diffusers
import transformers

from playground.measuring.tiny import text
from playground.measuring.tiny.pipelines import SD_SCHEDULE

CLIP_L, CLIP_G = (768, 12), (1280, 32)  # width, layers


def autoencoder() -> diffusers.AutoencoderKL:
    """Stable Diffusion's, 84 M parameters."""
    return diffusers.AutoencoderKL(
        block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        sample_size=512, scaling_factor=0.18215,
    )  # fmt: skip


def sd15_unet() -> diffusers.UNet2DConditionModel:
    """Stable Diffusion 1.5's, 860 M parameters."""
    return diffusers.UNet2DConditionModel(sample_size=64, cross_attention_dim=CLIP_L[0])


def sdxl_unet() -> diffusers.UNet2DConditionModel:
    """SDXL's (Podell et al. 2023, arXiv 2307.01952), 2.6 B parameters."""
    return diffusers.UNet2DConditionModel(
        sample_size=128, block_out_channels=(320, 640, 1280),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2, 10), attention_head_dim=(5, 10, 20),
        cross_attention_dim=CLIP_L[0] + CLIP_G[0], use_linear_projection=True,
        addition_embed_type="text_time", addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=6 * 256 + CLIP_G[0],
    )  # fmt: skip


def sd15(unet=None, vae=None) -> diffusers.StableDiffusionPipeline:
    return diffusers.StableDiffusionPipeline(
        vae=vae or autoencoder(), unet=unet or sd15_unet(), tokenizer=text.clip_tokenizer(),
        text_encoder=transformers.CLIPTextModel(text.clip_config(*CLIP_L)),
        scheduler=diffusers.DDIMScheduler(
            **SD_SCHEDULE, clip_sample=False, set_alpha_to_one=False, steps_offset=1
        ),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip


def sdxl(unet=None, vae=None) -> diffusers.StableDiffusionXLPipeline:
    second = text.clip_config(*CLIP_G, act="gelu")
    return diffusers.StableDiffusionXLPipeline(
        vae=vae or autoencoder(), unet=unet or sdxl_unet(),
        text_encoder=transformers.CLIPTextModel(text.clip_config(*CLIP_L)),
        text_encoder_2=transformers.CLIPTextModelWithProjection(second),
        tokenizer=text.clip_tokenizer(), tokenizer_2=text.clip_tokenizer("!"),
        scheduler=diffusers.EulerDiscreteScheduler(**SD_SCHEDULE, steps_offset=1),
        add_watermarker=False,
    )  # fmt: skip
