"""Beyond pictures: a diffusion policy in the plane, trained while one watches."""

import time
from collections.abc import Iterator
from dataclasses import asdict

import gradio as gr

from playground.page import sections
from playground.page.family.views import policy as view
from playground.page.lens import Frame
from playground.page.sections import Section

TEXT = (
    "### Beyond pictures\n"
    "Every signal that can be noised can be denoised. Here it is a robot’s path of 16 waypoints, "
    "32 numbers, conditioned on start, goal and obstacle instead of words (a diffusion policy in "
    "the plane, [Chi et al. 2023](https://arxiv.org/abs/2303.04137); theirs plans again after a "
    "few actions, this one plans once). The expert whose paths it learns passes the obstacle on "
    "either side. A network trained by regression answers with the mean of both ways, which leads "
    "through the obstacle; one trained to denoise chooses a side for each noise. With a single "
    "network call it is the mean again. Drag the obstacle, the start and the goal, or move them "
    "with the arrow keys."
)
LEARNERS = 2  # at the same time: it computes on the processors that draw


def learn() -> Iterator[dict]:
    """The view's data: progress, then the networks. Closing it stops the training."""
    yield view.message("Getting ready …", share=0.0)
    from playground.toys import policy  # torch: not before the page is up

    started = time.perf_counter()
    for event in policy.learn():
        spent = time.perf_counter() - started
        if isinstance(event, policy.Progress):
            share = event.step / event.steps
            left = f", about {spent / share * (1 - share):.0f} s left" if share else ""
            yield view.message(f"Learning, step {event.step} of {event.steps}{left}.", share)
        else:
            yield _finished(event)


def _finished(learned) -> dict:
    from playground.toys import obstacle, policy

    world = view.World(
        obstacle.RADIUS, obstacle.MARGIN, obstacle.APART, obstacle.AT_GOAL, policy.UNIT,
        policy.CLOCK,
    )  # fmt: skip
    diffusion, untrained = (learned.solved[n][policy.USUAL] for n in ("diffusion", "untrained"))
    (regression,) = learned.solved["regression"].values()
    text = (
        f"Two networks learned {policy.STEPS} steps from the same {policy.DEMONSTRATIONS:,} "
        f"demonstrations. The robot reached the goal without touching the obstacle in "
        f"{_runs(diffusion)} of {policy.RUNS} runs with diffusion ({policy.USUAL} network calls), "
        f"in {_runs(regression)} with regression, in {_runs(untrained)} without training."
    )
    return view.finished(
        {name: network.arrays() for name, network in learned.networks.items()},
        learned.solved, policy.RUNS, policy.USUAL, learned.noise.numpy(), world, text,
    )  # fmt: skip


def _runs(share: float) -> int:
    from playground.toys import policy

    return round(share * policy.RUNS)


def build(example: Frame) -> None:
    """Lay out the section inside the surrounding gradio context, and connect it."""
    gr.Markdown(TEXT)
    with gr.Row(equal_height=True):
        start, stop = sections.buttons("policy", "Train a robot’s policy")
    shown = gr.HTML(example.get("policy"), **asdict(view.VIEW), elem_id="policy")
    Section(start, stop, [shown], view, lambda _: learn(), LEARNERS).connect()


def example() -> dict:
    """What the section shows on opening: a policy that was trained before."""
    *_, shown = learn()
    return shown
