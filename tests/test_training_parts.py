"""What the trainings are built of: the optimiser, and gradients from two cores."""

import copy

import pytest
import torch
from torch import nn

from playground.training.optimizer import MuonAndAdam
from playground.training.parallel import Halves, twin
from playground.training.run import set_lr


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.SiLU(), nn.Flatten(), nn.Linear(8 * 16, 5))


def loss_of(model, inputs, wanted):
    return (model(inputs) - wanted).square().mean()


BATCH = (torch.randn(8, 3, 6, 6), torch.randn(8, 5))


def test_halves_give_the_gradient_of_the_whole_batch(network):
    threads = torch.get_num_threads()
    try:
        loss = Halves(network).backward(loss_of, *BATCH)
    finally:
        torch.set_num_threads(threads)
    found = [p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    whole = loss_of(network, *BATCH)
    whole.backward()
    assert loss.item() == pytest.approx(whole.item(), rel=1e-5)
    for mine, p in zip(found, network.parameters(), strict=True):
        torch.testing.assert_close(mine, p.grad)


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
    for group in optimizer.param_groups:
        group["weight_decay"] = 0.0
    loss_of(network, *BATCH).backward()
    optimizer.step()
    moved = (before - network[3].weight.detach()) / (0.2 * 128**0.5)
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
