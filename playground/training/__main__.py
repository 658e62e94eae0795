import argparse
import os

# Threads that wait asleep: beside another busy process this trains three times faster, alone it
# costs a twentieth. OpenMP reads it when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from playground.training import autoencoder, decoder, oracle, text, unet

STAGES = {
    "autoencoder": autoencoder.train,
    "decoder": decoder.train,  # optional: the autoencoder's second half, further
    "text": text.train,
    "unet": unet.train,
    "oracle": oracle.train,
    "publish": unet.publish,  # export the U-Net's last checkpoint without training on
}

parser = argparse.ArgumentParser(prog="python -m playground.training")
parser.add_argument("stage", choices=STAGES)
parser.add_argument("--minutes", type=float, help="training time in all, over every session")
options = vars(parser.parse_args())
stage = STAGES[options.pop("stage")]
stage(**{name: value for name, value in options.items() if value is not None})
