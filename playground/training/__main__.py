import argparse
import importlib

STAGES = ("autoencoder", "text", "unet")

parser = argparse.ArgumentParser(prog="python -m playground.training")
parser.add_argument("stage", choices=STAGES)
parser.add_argument("--minutes", type=float, help="training time in all, over every sitting")
options = parser.parse_args()
stage = importlib.import_module(f"playground.training.{options.stage}")
stage.train(**({"minutes": options.minutes} if options.minutes else {}))
