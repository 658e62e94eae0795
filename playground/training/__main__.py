import argparse
import os

# Threads that wait asleep: next to another busy process this trains three times faster, alone it
# costs a twentieth. OpenMP reads it when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from playground.training import autoencoder, report, text, unet

STAGES = {
    "autoencoder": autoencoder.train,
    "text": text.train,
    "unet": unet.train,
    "publish": unet.publish,  # export the U-Net's last checkpoint without training on
    "report": report.write,  # draw the sheet, measure, and write the README's tables
}

parser = argparse.ArgumentParser(prog="python -m playground.training")
parser.add_argument("stage", choices=STAGES)
parser.add_argument("--minutes", type=float, help="training time in all, over every sitting")
options = parser.parse_args()
STAGES[options.stage](**({"minutes": options.minutes} if options.minutes else {}))
