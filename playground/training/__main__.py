import argparse
import os
import sys

# Threads that wait asleep: next to another busy process this trains three times faster, alone it
# costs a twentieth, so the benchmark is without. OpenMP reads it when torch is loaded.
if sys.argv[1:2] != ["benchmark"]:
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from playground.measuring import attending, recording, report, scores, solvers, speed, sweeps
from playground.training import autoencoder, decoder, oracle, text, unet

STAGES = {
    "autoencoder": autoencoder.train,
    "decoder": decoder.train,  # optional: the autoencoder's second half, further
    "text": text.train,
    "unet": unet.train,
    "oracle": oracle.train,
    "evaluate": scores.evaluate,  # ask the oracle what of the prompts is in the pictures
    "evaluate-attention": attending.evaluate,  # do word maps land on what the words name
    "benchmark-recording": recording.measure,  # what recording attention costs
    "sweep": sweeps.sweep,  # the scores against guidance, samplers and steps
    "samplers": solvers.measure,  # their distance to the truth, by network calls
    "benchmark": speed.run,  # seconds, beside stock diffusers
    "publish": unet.publish,  # export the U-Net's last checkpoint without training on
    "report": report.write,  # draw the sheet, measure, and write the README's tables
}

parser = argparse.ArgumentParser(prog="python -m playground.training")
parser.add_argument("stage", choices=STAGES)
parser.add_argument("--minutes", type=float, help="training time in all, over every sitting")
parser.add_argument(
    "--count", type=int, help="pictures per task, scenes, prompts, or rounds of a benchmark"
)
options = vars(parser.parse_args())
stage = STAGES[options.pop("stage")]
stage(**{name: value for name, value in options.items() if value is not None})
