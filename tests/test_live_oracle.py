"""The oracle in the browser: it reads prompts and pictures, and says verdicts, as in Python."""

import dataclasses
import json
import random

import live_node
import numpy as np
import pytest
import test_asked

from playground.live import node, oracle
from playground.training.oracle import unseen
from playground.world import asked, measures, verdict
from playground.world import oracle as worlds
from playground.world.scene import Scene

ODD = (
    "", "İstanbul cats", "écat cat_hat catś ca\u0301t", "2 cats, 3.5 dogs, 4k, 3d, v2, 2,5 foxes",
    "ca\u200bt，dog、fox", "a (red square:1.3) above ((cat:2):3)", "a cat\x1cdog\x85fox\u2028pig",
    "a top  hat--cat on a night_sky", "Σ cats; the the cat", "a cat under it a dog", "of it",
    "on the left", "on the left on the right", "three red and blue stars", "a crown and a cap",
)  # fmt: skip
EVERYTHING = sorted({*asked.NAMED, *asked.COUNTS, *asked.RELATIONS, "the", "and", ",", "\n", "it",
                     "on the left", "red", "blue", "crown", "top hat", "astronaut", "is", "zebra",
                     "at the beach", "on a red background", "background is blue"})  # fmt: skip


def cases(streamed) -> list[tuple[str, Scene]]:
    """Prompts of all kinds, each with a scene that may be another one's."""
    rng = random.Random(5)
    scenes = [test_asked.SCENE, *(scene for scene, _ in streamed[:300])]
    tests = (test_asked.test_examples, test_asked.test_where_the_first_is_seen_from_the_second)
    examples = [prompt for test in tests for prompt, _ in test.pytestmark[0].args[1]]
    mixed = [" ".join(rng.choices(EVERYTHING, k=rng.randint(1, 9))) for _ in range(700)]
    captions = [(caption.text, scene) for scene, caption in streamed[:150]]
    return captions + [(p, rng.choice(scenes)) for p in (*ODD, *examples, *mixed)]


def test_prompts_and_verdicts_are_those_of_python(streamed):
    table = cases(streamed)
    (found,) = live_node.answers([
        {"ask": "judged", "words": json.loads(json.dumps(oracle.words())),
         "cases": [(prompt, dataclasses.asdict(scene)) for prompt, scene in table]}
    ])  # fmt: skip
    for (prompt, scene), said in zip(table, found, strict=True):
        wanted, expected = asked.read(prompt), verdict.of(prompt, scene)
        assert said["asked"] == json.loads(json.dumps(dataclasses.asdict(wanted))), prompt
        assert set(said["faults"]) == expected.faults, prompt
        assert said["verdict"] == {
            "asked": expected.asked, "seen": expected.seen, "missing": list(expected.missing),
            "extra": list(expected.extra), "right": expected.right,
        }, prompt  # fmt: skip


def test_pictures_are_read_as_in_python(live_site):
    """Rendered scenes, and noise, in which a centre is near to being none."""
    noise = np.random.default_rng(1).integers(0, 256, (2, 128, 128, 3), dtype=np.uint8)
    images = np.concatenate([unseen(10)[0], noise])
    assert node.read(live_site, images) == worlds.read(measures.judge(), images)


def test_pictures_of_one_prompt_are_measured_as_in_python(live_site):
    images = unseen(4)[0]
    found = node.measure(live_site, "a cat", images)
    assert found == pytest.approx(measures.measure(["a cat"] * 4, images, 4), rel=1e-4)
