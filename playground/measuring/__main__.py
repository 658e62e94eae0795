import argparse
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

# Threads that wait asleep: beside another busy process a measurement is three times faster, alone
# it costs a twentieth, so the benchmark is without. OpenMP reads it when torch is loaded.
if __name__ == "__main__" and sys.argv[1:2] != ["speed"]:
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from playground.measuring import (
    adapting,
    attending,
    beside,
    browser,
    checkpoints,
    computing,
    conditioning,
    edits,
    family,
    hosting,
    load,
    opening,
    recording,
    replicas,
    report,
    scores,
    soak,
    solvers,
    speed,
    straightening,
    sweeps,
    while_typing,
)

STAGES = {
    "scores": scores.evaluate,  # ask the oracle what of the prompts is in the pictures
    "maps": attending.evaluate,  # do word maps land on what the words name
    "recording": recording.measure,  # what recording attention costs
    "sweeps": sweeps.sweep,  # the scores against guidance, samplers and steps
    "solvers": solvers.measure,  # the samplers' distance to the exact solution, by network calls
    "family": family.measure,  # the lecture's samplers, from a thousand calls to one
    "reflow": straightening.measure,  # what a second training on own pairs changes
    "adapter": adapting.measure,  # the consistency student as a LoRA, by rank
    "conditioning": conditioning.measure,  # three ways to tell a toy what to draw
    "edits": edits.measure,  # does an edit through attention happen, by its share of the steps
    "speed": speed.run,  # seconds, beside stock diffusers
    "checkpoints": checkpoints.measure,  # families beside their stock pipelines
    "hosting": hosting.measure,  # starts pages: opening, load, beside, soak, flood
    "opening": opening.measure,  # a running page: a class asks for it at the same moment
    "against": load.against,  # a running page: the student and the U-Net in turn
    "load": load.measure,  # a running page: 1 to 50 visitors draw at the same time
    "beside": beside.measure,  # a picture while others draw many, against alone
    "replicas": replicas.measure,  # engines in processes of their own, one of them killed
    "live": browser.measure,  # the edition that runs in a browser, beside Python
    "computing": computing.measure,  # its weights of 8 bits, its threads, WebGPU
    "typing": while_typing.measure,  # how soon the page follows what a visitor does
    "soak": soak.measure,  # a running page: what stays behind after hundreds of visits
    "flood": soak.flood,  # a running page: thousands of strangers, then one who draws
    "report": report.write,  # draw the sheets, measure, and write the tables
}

SPELLED = {"url": "the page's address", "full_size": "--full"}


def main(arguments: Sequence[str] | None = None) -> None:
    stage, options = asked(arguments)
    stage(**options)


def asked(arguments: Sequence[str] | None = None) -> tuple[Callable[..., None], dict[str, Any]]:
    """A stage and its options; an option that it does not take is refused, and so is none where
    one must be given.
    """
    parser = new_parser()
    options = {k: v for k, v in vars(parser.parse_args(arguments)).items() if v is not None}
    name = options.pop("stage")
    taken = inspect.signature(STAGES[name]).parameters
    for option in options:
        if option not in taken:
            parser.error(f"{name} does not take {spelled(option)}")
    for option, parameter in taken.items():
        if parameter.default is parameter.empty and option not in options:
            parser.error(f"{name} must be given {spelled(option)}")
    return STAGES[name], options


def spelled(option: str) -> str:
    return SPELLED.get(option, f"--{option}")


def new_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m playground.measuring")
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("url", nargs="?", help="of opening, load, soak and flood: where it is")
    parser.add_argument("--count", type=int, help="pictures per task, scenes, prompts, or rounds")
    of_scores = parser.add_argument_group("of scores")
    of_scores.add_argument("--model", help="a built-in model's name; of load, too")
    of_scores.add_argument("--seed", type=int, help="of the questions")
    of_load = parser.add_argument_group("of load")
    of_load.add_argument(
        "--api", action="store_true", default=None, help="programs that ask the API, not the page"
    )
    where = parser.add_argument_group("of checkpoints").add_mutually_exclusive_group()
    where.add_argument("--device", choices=("cpu", "cuda", "mps"), help="of scores, too")
    where.add_argument(
        "--full", dest="full_size", action="store_true", default=None,
        help="Stable Diffusion 1.5 at its full size instead, on this CPU: 5 GB of memory, and disk",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    main()
