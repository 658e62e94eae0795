"""What recipes for a checkpoint begin with: size, steps, sampler, w."""

from playground.diffusion import samplers
from playground.models import families
from playground.models.checkpoints import Checkpoint
from playground.recipe import FIELDS


def of(found: Checkpoint) -> dict:
    """What recipes for a checkpoint begin with: its family's, at the size it was trained at.

    A U-Net whose schedule is spaced “trailing” without a schedule of zero terminal SNR is one that
    was distilled to few steps (SDXL Turbo and Lightning); so is a Flux transformer without an
    input for w (schnell). One with the scheduler of consistency models, or with a U-Net that takes
    w as an input as theirs does, begins as they do, in whatever pipeline it is stored; where w is
    no input, without guidance.
    """
    made = dict(found.family.defaults)
    if side := _side(found):
        made |= {"width": side, "height": side}
    schedule, network = found.scheduler_config, found.config(found.network.name)
    trailing = schedule.get("timestep_spacing") == "trailing"
    fast = trailing and not schedule.get("rescale_betas_zero_snr")
    schnell = found.family.pipeline == "FluxPipeline" and not network.get("guidance_embeds")
    if (fast and found.network.name == "unet") or schnell:
        made |= {"steps": 4, "guidance": 1.0}
        made["sampler"] = _sampler_of(schedule) or made.get("sampler", "euler")
    embedded = bool(network.get("time_cond_proj_dim"))
    if embedded or schedule.get("_class_name") == samplers.get("lcm").scheduler:
        theirs = families.get("LatentConsistencyModelPipeline").defaults
        made |= {field: theirs[field] for field in ("sampler", "steps")}
        made["guidance"] = theirs["guidance"] if embedded else 1.0
    return made


def _sampler_of(schedule: dict) -> str | None:
    """The sampler of the table that its scheduler is."""
    kind = schedule.get("_class_name")
    for one in samplers.SAMPLERS.values():
        if kind in (one.scheduler, one.flow.scheduler if one.flow else None):
            return one.name
    return None


def _side(found: Checkpoint) -> int | None:
    """Pixels of the square that it was trained at, if its settings say and a recipe allows it."""
    sample = found.config(found.network.name).get("sample_size")
    vae = found.config("vae")
    stages = vae.get("encoder_block_out_channels") or vae.get("block_out_channels")
    if type(sample) is not int or not isinstance(stages, list):
        return None
    facts = FIELDS["width"].metadata
    side = sample * 2 ** (len(stages) - 1)
    return side if facts["low"] <= side <= facts["high"] and side % facts["step"] == 0 else None
