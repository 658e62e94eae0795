"""What the denoisers are trained on: scenes, drawn and said in several ways.

Renderers run this in processes of their own, so nothing here loads torch.
"""

import functools
import hashlib

import numpy as np

from playground.world import compositions, grammar
from playground.world.phrasing import rephrase
from playground.world.render import draw
from playground.world.scene import SIDE, Caption, Scene
from playground.world.tokens import MAX_LENGTH, new_tokenizer

CAPTIONS = 8  # of each scene, of which every draw takes one
# Shares of compositions and of coloured shapes among scenes, of free phrasings among captions.
COMPOSED, SHAPES, FREE = 0.15, 0.35, 0.5

_tokenizer = functools.lru_cache(maxsize=1)(new_tokenizer)


def scene_and_captions(rng: grammar.Rng, count: int) -> tuple[Scene, list[Caption]]:
    """A scene for training, said `count` times: plainly as the grammar does, or freely."""
    kind = rng.random()
    world = compositions if kind < COMPOSED else grammar
    scene = world.sample_scene(rng, "shapes" if COMPOSED <= kind < COMPOSED + SHAPES else None)
    captions = [world.describe(scene, rng) for _ in range(count)]
    return scene, [rephrase(c, rng) if rng.random() < FREE else c for c in captions]


def chunk(seed: int, index: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures uint8 [size, 128, 128, 3] and tokens int16 [size, CAPTIONS, 77]."""
    rng = np.random.default_rng((seed, index))
    images = np.empty((size, SIDE, SIDE, 3), np.uint8)
    tokens = np.empty((size, CAPTIONS, MAX_LENGTH), np.int16)
    for i in range(size):
        scene, captions = scene_and_captions(rng, CAPTIONS)
        images[i] = draw(scene)
        tokens[i] = _tokenizer()(
            [caption.text for caption in captions],
            padding="max_length", truncation=True, max_length=MAX_LENGTH,
        ).input_ids  # fmt: skip
    return images, tokens


@functools.lru_cache(maxsize=4)
def style(seed: int) -> str:
    """What the world looks and sounds like now: a kept chunk of another one is not used."""
    images, tokens = chunk(seed, 0, size=8)
    return hashlib.sha256(images.tobytes() + tokens.tobytes()).hexdigest()[:12]
