"""The samplers, as one table over diffusers' schedulers, and the levels of their network calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

from playground.diffusion.levels import Level, flow, preserving, preserving_sigma


@dataclass(frozen=True)
class FlowForm:
    """How a sampler samples rectified flow: the class in diffusers, and its settings."""

    scheduler: str
    config: dict = field(default_factory=dict)


FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}  # of general solvers

# A checkpoint's scheduler says which solver it is drawn with in its stock pipeline. What makes a
# sampler what it is called is therefore said here, also where it is the class's own default; the
# spacing of a checkpoint's sigmas stays where no sampler is called after it.
EVEN = {"use_karras_sigmas": False, "use_exponential_sigmas": False, "use_beta_sigmas": False}
SECOND = {"solver_order": 2, "solver_type": "midpoint", "algorithm_type": "dpmsolver++"} | EVEN
MULTISTEP = SECOND | {"use_lu_lambdas": False}


@dataclass(frozen=True)
class Sampler:
    """How noise becomes a picture.

    `order` is the accuracy order in the step size, which is not diffusers' `order` (the number
    of timesteps that one step consumes). `calls` counts network calls (NFE) per step; a run of
    several steps makes `extra` more: Heun's last step has nothing to correct, PNDM's first is made
    twice. `distilled` says that it is for networks distilled to few steps: others are drawn badly.
    """

    name: str
    label: str
    scheduler: str  # class name in diffusers; `schedulers` mends two of them
    order: int
    sentence: str
    source: str
    config: dict = field(default_factory=dict)
    calls: int = 1
    extra: int = 0
    stochastic: bool = False
    uses_eta: bool = False
    distilled: bool = False
    predictions: tuple[str, ...] = ("epsilon", "v_prediction", "sample")
    flow: FlowForm | None = None  # it cannot sample rectified flow if there is none

    def network_calls(self, steps: int) -> int:
        """Network calls (NFE) of a whole run; a run of one step is one call with every sampler."""
        return self.calls * steps + self.extra if steps > 1 else 1

    def steps_within(self, calls: int) -> int:
        """The most steps that make no more than so many network calls (at least one)."""
        return max(1, (calls - self.extra) // self.calls)

    def most_steps(self, config: Mapping[str, Any]) -> int | None:
        """The most steps for a model's scheduler `config`; None if only timesteps bound them.

        A consistency model takes a part of the timesteps that it was distilled on.
        """
        return config.get("original_inference_steps", 50) if self.distilled else None

    def is_stochastic(self, eta: float) -> bool:
        """Whether the picture depends on more noise than the starting noise."""
        return self.stochastic or (self.uses_eta and eta > 0)

    def refusal(self, prediction: str) -> str | None:
        """Why it cannot sample a model that predicts this, or None if it can."""
        if prediction in self.predictions or (prediction == "flow_prediction" and self.flow):
            return None
        return f"{self.label} cannot sample a model that predicts {prediction}."

    def refusal_of(self, config: Mapping[str, Any]) -> str | None:
        """Why it cannot sample a model with this scheduler `config`, or None if it can."""
        if is_flow(config):
            return self.refusal("flow_prediction")
        if refusal := self.refusal(config.get("prediction_type", "epsilon")):
            return refusal
        if config.get("rescale_betas_zero_snr") and not self.reaches_noise:
            return f"{self.label} cannot begin at noise alone, as this model does (zero SNR)."
        return None

    @property
    def reaches_noise(self) -> bool:
        """Whether its first level can have no signal (Lin et al. 2023, arXiv 2305.08891).

        diffusers' other schedulers overlook that setting.
        """
        from playground.diffusion import schedulers

        known = signature(schedulers.named(self.scheduler).__init__).parameters
        return "rescale_betas_zero_snr" in known


_TABLE = (
    Sampler(
        "ddpm", "DDPM", "DDPMScheduler", 1,
        "The original: each of many small steps denoises a little and adds fresh noise.",
        "Ho et al. 2020, arXiv 2006.11239, algorithm 2", stochastic=True,
    ),
    Sampler(
        "ddim", "DDIM", "DDIMScheduler", 1,
        "No fresh noise: jump along the predicted clean picture. η brings noise back.",
        "Song et al. 2021, arXiv 2010.02502, eq. 12", uses_eta=True,
    ),
    Sampler(
        "pndm", "PNDM", "PNDMScheduler", 2,
        "Linear multistep: reuses the last four predictions; one call more than steps.",
        "Liu et al. 2022, arXiv 2202.09778", {"skip_prk_steps": True}, extra=1,
        predictions=("epsilon",),  # its averages over timesteps are of ε: those of v are not exact
    ),
    Sampler(
        "euler", "Euler", "EulerDiscreteScheduler", 1,
        "Follows the slope of the path: the simplest ODE solver.",
        "Karras et al. 2022, arXiv 2206.00364, algorithm 1", {"stochastic_sampling": False},
        flow=FlowForm("FlowMatchEulerDiscreteScheduler"),
    ),
    Sampler(
        "euler_a", "Euler ancestral", "EulerAncestralDiscreteScheduler", 1,
        "Euler with fresh noise at every step: never settles on one picture.",
        "Karras et al. 2022, arXiv 2206.00364; k-diffusion", stochastic=True,
        predictions=("epsilon", "v_prediction"),
    ),
    Sampler(
        "heun", "Heun", "HeunDiscreteScheduler", 2,
        "Looks ahead, then corrects the slope: two network calls a step.",
        "Karras et al. 2022, arXiv 2206.00364, algorithm 1", calls=2, extra=-1,
        flow=FlowForm("FlowMatchHeunDiscreteScheduler"),
    ),
    Sampler(
        "dpmpp_2m", "DPM-Solver++ 2M", "DPMSolverMultistepScheduler", 2,
        "Second order from two predictions in a row: good from about ten steps.",
        "Lu et al. 2022, arXiv 2211.01095, algorithm 2", MULTISTEP,
        flow=FlowForm("DPMSolverMultistepScheduler", FLOW),
    ),
    Sampler(
        "dpmpp_2m_karras", "DPM-Solver++ 2M Karras", "DPMSolverMultistepScheduler", 2,
        "2M with steps spaced so that little noise gets more of them.",
        "Lu et al. 2022, arXiv 2211.01095; Karras et al. 2022, eq. 5",
        MULTISTEP | {"use_karras_sigmas": True},
    ),
    Sampler(
        "dpmpp_2s", "DPM-Solver++ 2S", "DPMSolverSinglestepScheduler", 2,
        "Second order within pairs of steps instead of across them.",
        "Lu et al. 2022, arXiv 2211.01095, algorithm 1", SECOND | {"lower_order_final": True},
        flow=FlowForm("DPMSolverSinglestepScheduler", FLOW),
    ),
    Sampler(
        "dpmpp_2m_sde", "DPM-Solver++ 2M SDE", "DPMSolverMultistepScheduler", 2,
        "2M for the stochastic equation: fresh noise at every step.",
        "Lu et al. 2022, arXiv 2211.01095, section 5",
        MULTISTEP | {"algorithm_type": "sde-dpmsolver++"},
        stochastic=True,
    ),
    Sampler(
        "unipc", "UniPC", "UniPCMultistepScheduler", 3,
        "Predicts, then corrects with the call it needs anyway.",
        "Zhao et al. 2023, arXiv 2302.04867",
        flow=FlowForm("UniPCMultistepScheduler", FLOW),
    ),
    Sampler(
        "deis", "DEIS", "DEISMultistepScheduler", 2,
        "Integrates the linear part exactly and fits a line through past predictions.",
        "Zhang & Chen 2023, arXiv 2204.13902",
        EVEN | {"solver_order": 2, "solver_type": "logrho", "algorithm_type": "deis"},
    ),
    Sampler(
        "lcm", "LCM", "LCMScheduler", 1,
        "Jumps to the end of the path, adds fresh noise, jumps again: for networks made for it.",
        "Luo et al. 2023, arXiv 2310.04378; Song et al. 2023, arXiv 2303.01469, algorithm 1",
        {"set_alpha_to_one": True},  # it ends at the end of the path, whatever the config says
        stochastic=True, distilled=True,
    ),
)  # fmt: skip
SAMPLERS = {sampler.name: sampler for sampler in _TABLE}
GENERAL = {sampler.name: sampler for sampler in _TABLE if not sampler.distilled}  # any network's


class UnknownSamplerError(ValueError):
    """No such name in SAMPLERS."""


def get(name: str) -> Sampler:
    try:
        return SAMPLERS[name]
    except KeyError:
        known = ", ".join(SAMPLERS)
        raise UnknownSamplerError(f"There is no sampler {name!r}; there are: {known}.") from None


def is_flow(config: Mapping[str, Any]) -> bool:
    """Whether this scheduler `config` is one of rectified flow."""
    named = str(config.get("_class_name", ""))
    return named.startswith("FlowMatch") or bool(config.get("use_flow_sigmas"))


def build(name: str, config: dict, steps: int, timing: Mapping[str, Any] | None = None):
    """A fresh diffusers scheduler, set to `steps`, for a model's scheduler `config`.

    `timing` is what a model's family says of its steps, as diffusers names it (`sigmas`, `mu`);
    a scheduler takes of it what it knows, a general solver not what is `left_to_solvers`. Raises
    ValueError, with a reason, for a model that the sampler cannot sample.
    """
    from playground.diffusion import schedulers

    sampler = get(name)
    if refusal := sampler.refusal_of(config):
        raise ValueError(refusal)
    check_steps(name, config, steps)
    if is_flow(config):
        return _flow(sampler, config, steps, timing or {})
    kind, settings = schedulers.named(sampler.scheduler), dict(sampler.config)
    if "clip_sample" not in config and "clip_sample" in signature(kind.__init__).parameters:
        settings["clip_sample"] = False  # latents are not bounded by 1, as DDIM and DDPM assume
    if steps == config.get("num_train_timesteps", 1000):
        # Every timestep of training: leading with an offset would begin beyond the last of them.
        settings["timestep_spacing"] = "trailing"
    scheduler = kind.from_config(config, **settings)
    schedulers.set_steps(scheduler, steps)
    return scheduler


def _flow(sampler: Sampler, config: dict, steps: int, timing: Mapping[str, Any]):
    """A scheduler of rectified flow. General solvers call the shift of its σ `flow_shift`."""
    from playground.diffusion import schedulers

    assert sampler.flow is not None, "a sampler without a flow form is refused before"
    terminal = config.get("shift_terminal")
    kind = schedulers.named(sampler.flow.scheduler)
    known = set(signature(kind.__init__).parameters)
    settings = {key: value for key, value in config.items() if key in known}
    if (shift := config.get("shift", config.get("flow_shift"))) is not None:
        settings["flow_shift" if "flow_shift" in known else "shift"] = shift
    scheduler = kind.from_config(settings, **sampler.config | sampler.flow.config)
    taken = set(signature(scheduler.set_timesteps).parameters)
    if sampler.flow.config:  # a general solver
        taken -= set(timing.get("left_to_solvers", ()))
    scheduler.set_timesteps(steps, **{k: v for k, v in timing.items() if k in taken})
    if terminal and "shift_terminal" not in known:
        schedulers.end_at(scheduler, terminal)
    return scheduler


def check_steps(name: str, config: dict, steps: int) -> None:
    """Raises ValueError, with a reason, for a number of steps that no run of this model has."""
    sampler = get(name)
    if (most := sampler.most_steps(config)) and steps > most:
        raise ValueError(
            f"{sampler.label} takes at most {most} steps here, not {steps}: its network was "
            f"distilled on {most} timesteps."
        )
    if steps < (fewest := fewest_steps(config)):
        terminal = config["shift_terminal"]
        raise ValueError(
            f"This model takes at least {fewest} steps: the last begins at σ = {terminal:g}."
        )


def fewest_steps(config: dict) -> int:
    """Of a run: one whose last call has its σ given has another call before it."""
    return 2 if config.get("shift_terminal") else 1


def levels(
    name: str, config: dict, steps: int, timing: Mapping[str, Any] | None = None
) -> tuple[Level, ...]:
    """The level of every network call of a run with that sampler."""
    return levels_of(build(name, config, steps, timing))


def levels_of(scheduler) -> tuple[Level, ...]:
    """The level of every network call of a diffusers scheduler whose timesteps are set.

    Raises ValueError for schedulers of other models than Level knows.
    """
    times = [float(t) for t in scheduler.timesteps]
    if counts_in_sigmas(scheduler):
        level = _level_of_sigma(scheduler)
        return tuple(level(float(s), t) for s, t in zip(scheduler.sigmas, times, strict=False))
    return tuple(preserving(float(scheduler.alphas_cumprod[int(t)]), t) for t in times)


def end_level(scheduler) -> Level:
    """The level at which that run ends: no noise, or the least noise of the training."""
    if counts_in_sigmas(scheduler):
        return _level_of_sigma(scheduler)(float(scheduler.sigmas[-1]), 0.0)
    return preserving(float(getattr(scheduler, "final_alpha_cumprod", 1.0)), 0.0)


def counts_in_sigmas(scheduler) -> bool:
    """Whether it has a σ for every network call. DDPM, DDIM and PNDM look ᾱ up by the timestep."""
    return hasattr(scheduler, "sigmas")


def _level_of_sigma(scheduler) -> Callable[[float, float], Level]:
    """What σ means for this scheduler: a function of σ and the timestep."""
    kind = type(scheduler).__name__
    if scheduler.config.get("invert_sigmas"):
        raise ValueError(
            f"{kind} with invert_sigmas counts from the noise: its levels are unknown."
        )
    if is_flow({**scheduler.config, "_class_name": kind}):
        return flow
    if hasattr(scheduler, "alphas_cumprod"):
        return preserving_sigma
    raise ValueError(f"{kind} belongs to models whose levels are not known here.")
