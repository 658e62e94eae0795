"""The pool of latents: it grows while a training draws from it, and is kept on the disk."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from playground.training import latents, pool, run
from playground.training import scenes as scenes_
from playground.training.device import choose
from playground.training.pool import Pool
from playground.training.scenes import chunk, scene_and_captions
from playground.world import asked, heldout
from playground.world.tokens import new_tokenizer

SIZE = 4


class Made:
    """Renderers whose results are ready when a test says so."""

    def __init__(self, make, indices, processes):
        self.make, self.indices, self.ready, self.closed = make, iter(indices), False, False

    def __next__(self):
        return self.make(next(self.indices))

    def close(self):
        self.closed = True


@pytest.fixture
def small(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "CHECKPOINTS", tmp_path)
    monkeypatch.setattr(latents, "CHECKPOINTS", tmp_path)
    monkeypatch.setattr(pool, "CHUNK", SIZE)
    monkeypatch.setattr(pool, "START", (SIZE, SIZE))
    monkeypatch.setattr(pool, "Ahead", Made)
    return tmp_path


def test_it_begins_small_grows_when_something_is_ready_and_ends_full(small, tiny):
    found = Pool(tiny.vae, 3 * SIZE, choose())
    renderers = found._renderers
    assert found.filled == SIZE
    found.grow()
    assert found.filled == SIZE  # the training does not wait
    renderers.ready = True
    found.grow()
    found.grow()
    assert found.filled == 3 * SIZE
    assert renderers.closed
    found.grow()
    assert found.filled == 3 * SIZE


def test_it_draws_latents_with_a_caption_of_the_same_scene(small, tiny):
    torch.manual_seed(0)
    device = choose()
    found = Pool(tiny.vae, SIZE, device)
    images, tokens = chunk(pool.SEED, 0, SIZE)
    codes = latents.encode(tiny.vae, images, device).half().float()
    drawn, said = found.draw(64)
    assert (drawn.dtype, said.dtype) == (torch.float32, torch.int64)
    scenes = [int((codes == one).flatten(1).all(1).nonzero()) for one in drawn]
    assert set(scenes) == set(range(SIZE))
    for scene, caption in zip(scenes, said, strict=True):
        assert caption.tolist() in tokens[scene].tolist()


def test_what_was_encoded_once_is_kept_and_the_rest_is_made(small, tiny, monkeypatch):
    first = Pool(tiny.vae, 2 * SIZE, choose())
    first._renderers.ready = True
    first.grow()
    made = []
    monkeypatch.setattr(pool, "chunk", lambda *at, size: made.append(at) or chunk(*at, size))
    again = Pool(tiny.vae, 3 * SIZE, choose())
    assert again.filled == 2 * SIZE
    assert torch.equal(again.latents[: 2 * SIZE], first.latents)
    again._renderers.ready = True
    again.grow()
    assert made[-1] == (pool.SEED, 2)


def test_kept_chunks_of_another_encoder_precision_or_world_are_not_used(small, tiny, monkeypatch):
    device = choose()
    Pool(tiny.vae, SIZE, device)
    other = copy.deepcopy(tiny.vae)
    next(other.encoder.parameters()).add_(0.1)
    kept = latents.folder(tiny.vae, device)
    assert latents.folder(other, device) != kept
    assert latents.folder(tiny.vae, replace(device, bfloat16=not device.bfloat16)) != kept
    before = scenes_.style(pool.SEED)
    scenes_.style.cache_clear()
    monkeypatch.setattr(scenes_, "FREE", 1.0)
    assert scenes_.style(pool.SEED) != before
    scenes_.style.cache_clear()


def test_a_chunk_depends_on_its_seed_and_index_alone():
    images, tokens = chunk(1, 2, SIZE)
    again, tokens_again = chunk(1, 2, SIZE)
    other, _ = chunk(1, 3, SIZE)
    assert images.shape == (SIZE, 128, 128, 3)
    assert tokens.shape == (SIZE, scenes_.CAPTIONS, 77)
    assert np.array_equal(images, again)
    assert np.array_equal(tokens, tokens_again)
    assert not np.array_equal(images, other)


def test_scenes_and_captions_are_what_training_should_see():
    rng, tokenizer = np.random.default_rng(4), new_tokenizer()
    found = [scene_and_captions(rng, 2) for _ in range(1500)]
    scenes = [scene for scene, _ in found]
    captions = [(scene, caption) for scene, several in found for caption in several]
    assert not any(map(heldout.is_held_out, scenes))
    assert np.mean([s.task in scenes_.compositions.LAYOUTS for s in scenes]) == pytest.approx(
        scenes_.COMPOSED, abs=0.03
    )
    shapes = [scene for scene in scenes if scene.task == "shapes"]
    assert len(shapes) / len(scenes) == pytest.approx(scenes_.SHAPES, abs=0.03)
    for scene in shapes:  # every noun and colour names one of the things alone
        assert len({i.noun for i in scene.items}) == len({i.color for i in scene.items})
        assert len({i.color for i in scene.items}) == len(scene.items) > 1
    for scene, caption in captions:
        assert asked.faults(asked.read(caption.text), scene) == frozenset(), caption.text
    texts = [caption.text for _, caption in captions]
    unknown = [tokenizer.unk_token_id in ids for ids in tokenizer(texts).input_ids]
    assert 0.2 < np.mean(unknown) < 0.6
    assert max(map(len, tokenizer(texts).input_ids)) <= 77
