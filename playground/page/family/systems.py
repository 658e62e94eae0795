"""Systems of diffusion that people know: what is public, and what of it can be touched here.

Everything is from the sources named; where its makers have not published a part, the part is
UNKNOWN. What others guess is left out.
"""

from dataclasses import asdict, dataclass

from playground.page.family.views import systems as view

UNKNOWN = "not published"
PICTURES, VIDEO, SOUND, SPACE, MOLECULES, ROBOTS = KINDS = (
    "Pictures", "Video", "Sound", "3-D shapes", "Molecules", "Robots",
)  # fmt: skip
OPEN, ASKED, CLOSED = "weights are public", "weights on request", "closed"


@dataclass(frozen=True)
class System:
    """`parent` names the system that it was made from; `pipeline` is the stock pipeline whose
    checkpoints open here, if they do. `here` says what of it can be touched in this playground.
    """

    name: str
    kind: str
    year: int
    backbone: str
    conditioning: str
    objective: str
    sampler: str
    weights: str
    here: str
    sources: tuple[str, ...]
    parent: str = ""
    pipeline: str = ""


_TABLE = (
    System(
        "Stable Diffusion", PICTURES, 2022,
        "U-Net on latents of an autoencoder", "CLIP tokens by cross-attention; t by adaptive norm",
        "ε (v in 2.1 at 768 pixels), words dropped for guidance", "DDIM, PNDM, DPM-Solver++: 20–50",
        OPEN, "Its checkpoints open as another model; our U-Net is a small one of its kind.",
        ("https://arxiv.org/abs/2112.10752", "https://github.com/CompVis/stable-diffusion"),
        pipeline="StableDiffusionPipeline",
    ),
    System(
        "SDXL", PICTURES, 2023,
        "larger U-Net on latents", "tokens of two CLIP encoders by cross-attention; pooled words, "
        "size and crop with t by adaptive norm", "ε", "Euler, DPM-Solver++: 20–50",
        OPEN, "Its checkpoints open as another model.", ("https://arxiv.org/abs/2307.01952",),
        parent="Stable Diffusion", pipeline="StableDiffusionXLPipeline",
    ),
    System(
        "SDXL-Turbo", PICTURES, 2023,
        "SDXL’s U-Net", "as SDXL", "adversarial distillation of SDXL, for w = 1",
        "1–4 steps", OPEN, "Opens as another model; our student shows few steps at once.",
        ("https://arxiv.org/abs/2311.17042",),
        parent="SDXL", pipeline="StableDiffusionXLPipeline",
    ),
    System(
        "LCM", PICTURES, 2023,
        "Stable Diffusion’s U-Net", "as Stable Diffusion; w as an input with t",
        "consistency distillation of guided ε", "consistency sampling: 1–8 calls",
        OPEN, "Opens as another model; our consistency student is made in this way.",
        ("https://arxiv.org/abs/2310.04378",),
        parent="Stable Diffusion", pipeline="LatentConsistencyModelPipeline",
    ),
    System(
        "SD3", PICTURES, 2024,
        "transformer (MM-DiT) on latents", "tokens of two CLIP encoders and T5 by joint attention; "
        "pooled CLIP with t by adaptive norm", "rectified flow, σ drawn logit-normal",
        "flow Euler: 28", OPEN, "Opens as another model; our flow transformer is a small MM-DiT.",
        ("https://arxiv.org/abs/2403.03206",), pipeline="StableDiffusion3Pipeline",
    ),
    System(
        "Flux.1", PICTURES, 2024,
        "transformer of 12 billion parameters: blocks of two streams, then of one",
        "T5 tokens by joint attention; pooled CLIP, t and (dev) w by adaptive norm",
        "rectified flow; dev and schnell are distilled from pro, whose training is " + UNKNOWN,
        "flow Euler: dev 28–50, schnell 1–4", OPEN,
        "dev and schnell open as another model; pro is closed.",
        ("https://github.com/black-forest-labs/flux", "https://arxiv.org/abs/2506.15742"),
        pipeline="FluxPipeline",
    ),
    System(
        "DALL·E 3", PICTURES, 2023,
        UNKNOWN + " as a whole; its report’s experiments use U-Nets on latents",
        "T5 tokens in the report’s experiments; training captions mostly written by a model",
        UNKNOWN, UNKNOWN + "; the report names a diffusion decoder distilled to two steps", CLOSED,
        "Nothing of it; a U-Net that reads long captions can be compared with ours.",
        ("https://cdn.openai.com/papers/dall-e-3.pdf",),
    ),
    System(
        "Midjourney", PICTURES, 2022, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, CLOSED,
        "Nothing: its makers have published no part of it.", ("https://docs.midjourney.com",),
    ),
    System(
        "Sora", VIDEO, 2024,
        "diffusion transformer on space-time patches of compressed video",
        "text, lengthened by a language model; how it enters is " + UNKNOWN,
        "to predict the clean patches", UNKNOWN, CLOSED,
        "Nothing of it; patches and a transformer are what our flow model is made of.",
        ("https://openai.com/index/video-generation-models-as-world-simulators",),
    ),
    System(
        "Veo 2", VIDEO, 2024, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, CLOSED,
        "Nothing: its makers describe what it does, not how.",
        ("https://deepmind.google/models/veo",),
    ),
    System(
        "AudioLDM", SOUND, 2023,
        "U-Net on latents of a mel spectrogram", "one CLAP vector with t by adaptive norm (FiLM)",
        "ε", "DDIM: up to 200", OPEN, "Not the weights; DDIM, guidance and ε are the same here.",
        ("https://arxiv.org/abs/2301.12503",),
    ),
    System(
        "Stable Audio Open", SOUND, 2024,
        "diffusion transformer on latents of a waveform",
        "T5 tokens and timing by cross-attention; timing and t as one vector too", "v",
        "DPM-Solver++ SDE: 100–200", OPEN,
        "Not the weights; v-prediction and DPM-Solver++ are the same here.",
        ("https://arxiv.org/abs/2407.14358",),
    ),
    System(
        "DreamFusion", SPACE, 2022,
        "a radiance field (NeRF), improved by a frozen picture model, Imagen",
        "T5 tokens, as in Imagen", "score distillation: ε̂ − ε moves the field",
        "none: an optimisation of thousands of steps", CLOSED,
        "Not the system; ε̂ of a guided call is what our steps show.",
        ("https://arxiv.org/abs/2209.14988",),
    ),
    System(
        "Point·E", SPACE, 2022,
        "transformer on points with colours", "CLIP’s picture tokens before the points",
        "ε", "Heun with Karras’ steps: 64", OPEN, "Not the weights; Heun is the same sampler here.",
        ("https://arxiv.org/abs/2212.08751",),
    ),
    System(
        "RFdiffusion", MOLECULES, 2023,
        "RoseTTAFold’s network on frames of amino acids",
        "target and motif as given coordinates and features", "to predict the clean structure",
        "up to 200 steps with fresh noise", OPEN,
        "Not the weights; pred_x0 is drawn here at every step.",
        ("https://doi.org/10.1038/s41586-023-06415-8",),
    ),
    System(
        "AlphaFold 3", MOLECULES, 2024,
        "transformer on atoms, after a trunk that reads the sequence",
        "the trunk’s single and pair vectors, by adaptive norm and as attention bias",
        "to predict the clean coordinates", "200 steps with fresh noise", ASKED,
        "Not the weights; the samplers with fresh noise show what it adds.",
        ("https://doi.org/10.1038/s41586-024-07487-w",),
    ),
    System(
        "Diffusion Policy", ROBOTS, 2023,
        "1-D U-Net over time, or a transformer, on actions to come",
        "camera pictures by FiLM (U-Net) or by cross-attention (transformer)", "ε",
        "DDPM 100 in training, DDIM 10–16 on the robot", OPEN,
        "A small one in the plane: “Beyond pictures”, below.",
        ("https://arxiv.org/abs/2303.04137",),
    ),
    System(
        "π0", ROBOTS, 2024,
        "a vision-language transformer with an expert for actions",
        "pictures, words and the robot’s state in one attention with the actions", "flow matching",
        "Euler: 10", OPEN, "Not the weights; our flow transformer has the same objective.",
        ("https://arxiv.org/abs/2410.24164",),
    ),
)  # fmt: skip
SYSTEMS = {system.name: system for system in _TABLE}


def shown() -> dict:
    """The view's data: groups by what is made, each system below the one that it was made from."""
    groups = [
        (kind, [asdict(s) | {"depth": depth(s)} for s in _ordered(kind)])
        for kind in KINDS
    ]  # fmt: skip
    return view.table(groups, UNKNOWN, CLOSED)


def depth(system: System) -> int:
    """How many systems stand above it in its line."""
    return 1 + depth(SYSTEMS[system.parent]) if system.parent else 0


def _ordered(kind: str) -> list[System]:
    """Roots in the table's order, each with what was made from it right below."""
    found: list[System] = []

    def add(system: System) -> None:
        found.append(system)
        for child in _TABLE:
            if child.parent == system.name:
                add(child)

    for system in _TABLE:
        if system.kind == kind and not system.parent:
            add(system)
    return found
