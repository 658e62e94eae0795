import argparse
import os
import sys

# Threads that wait asleep: beside another busy process a measurement is three times faster, alone
# it costs a twentieth, so the benchmark is without. OpenMP reads it when torch is loaded.
if sys.argv[1:2] != ["speed"]:
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

parser = argparse.ArgumentParser(prog="python -m playground.measuring")
parser.add_argument("stage", choices=STAGES)
parser.add_argument("url", nargs="?", help="of opening, load, soak and flood: where it is")
parser.add_argument("--count", type=int, help="pictures per task, scenes, prompts, or rounds")
parser.add_argument("--device", choices=("cpu", "cuda", "mps"), help="of scores and checkpoints")
of_scores = parser.add_argument_group("of scores")
of_scores.add_argument("--model", help="a built-in model's name; of load, too")
of_scores.add_argument("--seed", type=int, help="of the questions")
of_load = parser.add_argument_group("of load")
of_load.add_argument(
    "--api", action="store_true", default=None, help="programs that ask the API, not the page"
)
of_checkpoints = parser.add_argument_group("of checkpoints")
of_checkpoints.add_argument(
    "--full", dest="full_size", action="store_true", default=None,
    help="Stable Diffusion 1.5 at its full size instead: 5 GB of memory and of disk",
)  # fmt: skip
options = vars(parser.parse_args())
stage = STAGES[options.pop("stage")]
stage(**{name: value for name, value in options.items() if value is not None})
