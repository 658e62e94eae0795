"""What the trainings are built of: devices, gradients, the optimiser, data made ahead."""

import copy
import functools

import pytest
import torch
from torch import nn

from playground.training import device
from playground.training.device import Device, choose
from playground.training.optimizer import DECAY, MuonAndAdam
from playground.training.parallel import Halves, Whole, twin
from playground.training.rendering import Ahead
from playground.training.run import set_lr


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.SiLU(), nn.Flatten(), nn.Linear(8 * 16, 5))


def loss_of(model, inputs, wanted):
    return (model(inputs) - wanted).square().mean()


BATCH = (torch.randn(8, 3, 6, 6), torch.randn(8, 5))


@pytest.fixture
def threads():
    """As many as before, whatever a test sets."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    "way", [Halves, lambda model: Whole(model, model)], ids=["halves", "whole"]
)
def test_every_way_gives_the_gradient_of_the_whole_batch(way, network, threads):
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)  # what a step before has left
    loss = way(network).backward(loss_of, *BATCH)
    found = [p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    whole = loss_of(network, *BATCH)
    whole.backward()
    assert loss.item() == pytest.approx(whole.item(), rel=1e-5)
    assert not loss.requires_grad
    for mine, p in zip(found, network.parameters(), strict=True):
        torch.testing.assert_close(mine, p.grad)


def test_a_device_is_what_this_machine_has_or_is_refused(monkeypatch, network, threads):
    assert isinstance(choose("cpu").gradients(network), Halves)
    assert choose("cpu").either(96, 2048) == 96
    for name in ("tpu", *(n for n, there in device.AVAILABLE.items() if not there())):
        with pytest.raises(ValueError, match=rf"no device '{name}'.*cpu"):
            choose(name)


def test_an_accelerator_gets_one_big_batch():
    """The numbers only: none is here to compute on."""
    accelerator = Device("mps", bfloat16=False, renderers=14)
    assert accelerator.either(96, 2048) == 2048
    model = nn.Linear(2, 2)
    whole = accelerator.gradients(model)
    assert isinstance(whole, Whole)
    assert whole.model is whole.network is model


@pytest.mark.parametrize("bfloat16", [True, False])
def test_networks_compute_in_half_the_bits_only_where_the_hardware_does(bfloat16):
    with Device("cpu", bfloat16, 1).autocast():
        found = nn.Linear(4, 4)(torch.ones(1, 4))
    assert found.dtype == (torch.bfloat16 if bfloat16 else torch.float32)


@pytest.mark.parametrize(
    ("found", "expected"),
    [({"amx_bf16": True}, True), ({"avx512_bf16": True, "amx_bf16": False}, True),
     ({"avx2": True}, False), ({}, False)],
)  # fmt: skip
def test_the_processor_says_whether_it_has_bfloat16(monkeypatch, found, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found, raising=False)
    assert device.has_bfloat16("cpu") is expected
    assert device.has_bfloat16("cpu") is expected  # a property of it, not of the moment
    assert not device.has_bfloat16("mps")


def test_data_made_ahead_comes_in_order_and_fails_as_where_it_was_made():
    ahead = Ahead(functools.partial(divmod, 10), [3, 4, 5, 6, 0], processes=1)
    assert [next(ahead) for _ in range(4)] == [divmod(10, index) for index in range(3, 7)]
    with pytest.raises(ZeroDivisionError):
        next(ahead)
    assert list(ahead) == []
    assert not ahead.ready
    ahead.close()


def test_a_twin_sees_every_change_of_the_weights(network):
    other = twin(network)
    with torch.no_grad():
        network[0].weight += 1
    assert torch.equal(other[0].weight, network[0].weight)
    assert other[0].weight.grad is None


def test_a_step_moves_every_direction_of_a_matrix_about_equally(network):
    """The singular values of a Muon step lie near 1 (times the learning rate and the size)."""
    before = network[3].weight.detach().clone()
    optimizer = MuonAndAdam(network, 1.0)
    loss_of(network, *BATCH).backward()
    optimizer.step()
    moved = (before * (1 - DECAY) - network[3].weight.detach()) / (0.2 * 128**0.5)
    values = torch.linalg.svdvals(moved)
    assert float(values.min()) > 0.6
    assert float(values.max()) < 1.3


def test_the_optimiser_goes_on_as_if_never_stopped(network):
    def step(optimizer, model):
        model.zero_grad()
        loss_of(model, *BATCH).backward()
        optimizer.step()

    optimizer = MuonAndAdam(network, 0.01)
    set_lr(optimizer, 0.02)
    step(optimizer, network)
    other = nn.Sequential(nn.Conv2d(3, 8, 3), nn.SiLU(), nn.Flatten(), nn.Linear(8 * 16, 5))
    other.load_state_dict(network.state_dict())
    again = MuonAndAdam(other, 0.01)
    again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    step(optimizer, network)
    step(again, other)
    for p, q in zip(network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(p, q)


def test_equal_shapes_together_take_the_step_of_torchs_muon(network):
    """Three steps; torch's own takes plain matrices only."""
    matrices = [p for p in network.parameters() if p.ndim > 1]
    theirs = [nn.Parameter(p.detach().flatten(1).clone()) for p in matrices]
    reference = torch.optim.Muon(theirs, lr=0.01, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")
    optimizer = MuonAndAdam(network, 0.01)
    for _ in range(3):
        network.zero_grad()
        loss_of(network, *BATCH).backward()
        for mine, p in zip(matrices, theirs, strict=True):
            p.grad = mine.grad.flatten(1).clone()
        optimizer.step()
        reference.step()
    for mine, p in zip(matrices, theirs, strict=True):
        torch.testing.assert_close(mine.flatten(1), p, atol=2e-5, rtol=0)


def test_plain_parameters_and_vectors_take_the_step_of_adamw(network):
    other = copy.deepcopy(network)
    optimizer = MuonAndAdam(network, 0.01, plain=("3.",))
    reference = torch.optim.AdamW(other.parameters(), lr=0.01, betas=(0.9, 0.99))
    for model, step in ((network, optimizer.step), (other, reference.step)):
        loss_of(model, *BATCH).backward()
        step()
    for index, name in ((3, "weight"), (3, "bias"), (0, "bias")):
        torch.testing.assert_close(getattr(network[index], name), getattr(other[index], name))
    assert not torch.equal(network[0].weight, other[0].weight)
