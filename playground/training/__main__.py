import argparse
import importlib
import os
from pathlib import Path

# Threads that wait asleep: beside another busy process this trains three times faster, alone it
# costs a twentieth. OpenMP reads it when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

DENOISERS = ("unet", "flow", "reflow", "consistency", "calls")
STAGES = ("autoencoder", "decoder", "text", "oracle", *DENOISERS, "adapter")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m playground.training")
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--minutes", type=float, help="training time in all, over every session")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda", "mps"))
    denoisers = parser.add_argument_group(f"of {', '.join(DENOISERS)}")
    denoisers.add_argument("--start", type=Path, nargs="+", help="safetensors files to go on from")
    denoisers.add_argument("--peak-lr", type=float, help="the learning rate after its warm-up")
    after = denoisers.add_mutually_exclusive_group()
    after.add_argument("--hold", action="store_true", help="export nothing at the end")
    after.add_argument("--publish", action="store_true", help="only export the last checkpoint")
    given = vars(parser.parse_args())
    options = {name: value for name, value in given.items() if value not in (None, False)}
    stage, only_publish = options.pop("stage"), options.pop("publish", False)
    if stage not in DENOISERS and (only_publish or {"start", "peak_lr", "hold"} & options.keys()):
        parser.error(f"only {', '.join(DENOISERS)} have --start, --peak-lr, --hold and --publish")
    if stage == "adapter" and options != {"device": "cpu"}:
        parser.error("adapter trains nothing: it takes seconds on the processor, without options")

    # Only now: renderers import this file too, and need no torch.
    module = importlib.import_module(f"playground.training.{stage}")
    if only_publish and stage == "reflow":
        parser.error("reflow's weights stay among the checkpoints")
    if only_publish or stage == "adapter":
        module.publish()
    else:
        module.train(**options)


if __name__ == "__main__":
    main()
