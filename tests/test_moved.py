"""Networks that are elsewhere than the processor, or are moved there for each call.

No GPU is needed: on torch's device "meta" operations are refused as on one if their tensors are not
all there, and accelerate's hooks also move modules from the processor to the processor.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from accelerate import cpu_offload_with_hook
from conftest import tiny_model

from playground.attention import editing
from playground.attention.editing import Plan
from playground.diffusion.guidance import COND

TOKENS = 5


def there(*shape: int) -> torch.Tensor:
    return torch.zeros(shape, device="meta")


# ---- edits ------------------------------------------------------------------------------------


@pytest.mark.parametrize("inject", [True, False])
def test_a_plan_changes_attention_where_that_is(inject):
    plan = Plan(torch.tensor([0, 1, editing.NEW, 2, 3]), torch.full((TOKENS,), 2.0), 1.0)
    found = plan.change(there(2, 6, TOKENS), there(2, 6, TOKENS), inject)
    assert (found.device.type, found.shape) == ("meta", (2, 6, TOKENS))


def test_weights_of_a_prompt_are_multiplied_where_attention_is():
    said = SimpleNamespace(weights=torch.tensor([1.0, 1.5, 1.0]))
    cell = SimpleNamespace(branches=(COND,), prompts={COND: said}, plan=None)
    rewrite = editing.rewriting([cell], {(0, COND): 0}, COND)
    assert rewrite is not None
    found = rewrite.change({0: there(2, 6, TOKENS)})  # with padding, as in joint attention
    assert (found[0].device.type, found[0].shape) == ("meta", (2, 6, TOKENS))


# ---- a whole model that goes to another device --------------------------------------------------


def test_a_model_that_is_moved_takes_all_weights_and_keeps_no_prompt_from_where_it_was():
    model = tiny_model()
    assert model.encode("a cat").projections
    model.move("meta")
    parts = (model.network, model.vae, model.text_encoder)
    assert {p.device.type for part in parts for p in part.parameters()} == {"meta"}
    assert model.kept_bytes == 0
    assert model._for_vae(model.noise(torch.Generator(), 32, 32)).device.type == "meta"


# ---- one part at a time on the device ---------------------------------------------------------


@pytest.fixture
def offloaded():
    """A model whose parts are moved away when another computes."""
    model, hook = tiny_model(), None
    for part in (model.text_encoder, model.network, model.vae):
        _, hook = cpu_offload_with_hook(part, "cpu", hook)
    return model


def calls_of(model) -> dict:
    """What visitors' threads ask of it, beside the engine's."""
    return {
        "encode": lambda: model.encode("a cat"),
        "decode": lambda: model.decode(torch.zeros(1, 4, 8, 8)),
        "latents_of": lambda: model.latents_of(np.zeros((64, 64, 3), np.uint8)),
    }


@pytest.mark.parametrize("name", ["encode", "decode", "latents_of"])
@pytest.mark.parametrize("moves", [True, False])
def test_where_calls_move_parts_away_one_waits_for_the_other(name, moves, offloaded):
    model = offloaded if moves else tiny_model()
    free = []
    with ThreadPoolExecutor(1) as other:

        def acquired() -> bool:
            got = model.network_lock.acquire(blocking=False)
            if got:
                model.network_lock.release()
            return got

        for part in (model.text_encoder, model.vae.encoder, model.vae.decoder):
            part.register_forward_hook(lambda *_: free.append(other.submit(acquired).result()))
        calls_of(model)[name]()
    assert free == [not moves]


def test_who_has_the_network_may_ask_for_everything(offloaded):
    """As when a position is worked out, while others ask for the same: nobody waits for ever."""

    def asker():
        for number in range(20):
            offloaded.encode(f"a cat {number}")

    threads = [threading.Thread(target=asker, daemon=True) for _ in range(3)]
    with offloaded.network_lock:
        for thread in threads:
            thread.start()
        for call in calls_of(offloaded).values():
            call()
        asker()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


def test_a_prompt_that_is_kept_waits_for_nothing(offloaded):
    kept = offloaded.encode("a cat")
    with offloaded.network_lock, ThreadPoolExecutor(1) as other:
        assert other.submit(offloaded.encode, "a cat").result(30) is kept
