"""The trainings: one step is the paper's, and a killed run goes on where it was."""

import copy
import itertools

import numpy as np
import pytest
import torch

from playground.training import autoencoder, latents, run, text, unet
from playground.training.device import Device, choose
from playground.training.run import Run, cosine
from playground.world.grammar import stream
from playground.world.render import draw
from playground.world.tokens import new_tokenizer


def test_the_loss_is_the_weighted_error_in_epsilon(tiny):
    """Of a network that always answers 0: min(SNR, 5)/SNR·√(1 + 1/SNR)·ε²."""
    network, schedule = copy.deepcopy(tiny.unet), unet.new_schedule()
    network.conv_out.weight.zero_()
    network.conv_out.bias.zero_()
    calls = []
    network.register_forward_pre_hook(lambda _, args: calls.append(args))
    clean = torch.randn(64, 4, 8, 8)
    embeds = tiny.encode("a cat").embeds.clone().expand(64, -1, -1)
    loss = unet.training_step(network, schedule, clean, embeds)

    ((noisy, timesteps, words),) = calls
    assert torch.equal(words, embeds)
    assert len(timesteps.unique()) == 64  # a timestep of its own for every row,
    gaps = timesteps.sort().values.diff()
    assert 14 <= gaps.min() <= gaps.max() <= 17  # evenly apart: 1000/64 = 15.6
    kept = schedule.alphas_cumprod[timesteps].view(-1, 1, 1, 1)
    noise = (noisy - kept.sqrt() * clean) / (1 - kept).sqrt()
    assert float(noise.std()) == pytest.approx(1, abs=0.03)
    weight = (5 * (1 - kept) / kept).clamp(max=1)
    weight *= (1 + (1 - kept) / kept).sqrt()
    assert float(loss) == pytest.approx(float((weight * noise**2).mean()), rel=1e-3)


def test_a_step_reaches_every_weight(tiny):
    network = copy.deepcopy(tiny.unet).requires_grad_(True)
    embeds = tiny.encode("a cat").embeds.clone().expand(4, -1, -1)
    unet.training_step(network, unet.new_schedule(), torch.randn(4, 4, 8, 8), embeds).backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())
    assert any(p.grad.abs().max() > 0 for p in network.down_blocks[0].parameters())


def test_one_prompt_in_ten_is_dropped_and_no_other_changed():
    torch.manual_seed(0)
    tokens, empty = torch.arange(5, 5005).view(-1, 1).expand(-1, 77), torch.ones(1, 77).long()
    after = unet.drop_prompts(tokens, empty)
    dropped = (after == empty).all(1)
    assert float(dropped.float().mean()) == pytest.approx(0.1, abs=0.015)
    assert torch.equal(after[~dropped], tokens[~dropped])


def test_the_schedule_is_latent_diffusions():
    """√ᾱ of the last step 0.0683 (Rombach et al. 2022's linear schedule: 0.00085 to 0.012)."""
    kept = unet.new_schedule().alphas_cumprod
    assert float(kept[-1].sqrt()) == pytest.approx(0.0683, abs=1e-4)
    assert float(kept[0]) == pytest.approx(1 - 0.00085, abs=1e-6)


def test_a_twisted_caption_is_always_another_one_in_known_words(streamed):
    rng, tokenizer = np.random.default_rng(0), new_tokenizer()
    for _, caption in streamed[:300]:
        twisted = text.twist(caption, rng)
        assert twisted.split() != caption.text.split()
        assert tokenizer.unk_token_id not in tokenizer(twisted).input_ids


def test_the_learning_rate_warms_up_and_ends_low():
    assert cosine(0.0, 1.0) == pytest.approx(0.01)
    assert cosine(0.01, 1.0) == pytest.approx(1.0)
    assert cosine(0.505, 1.0) == pytest.approx(0.51)  # half-way down from 1 to 0.02
    assert cosine(1.0, 3.0) == pytest.approx(0.06)
    rates = [cosine(share, 1.0) for share in np.linspace(0.01, 1, 50)]
    assert rates == sorted(rates, reverse=True)


@pytest.fixture
def checkpoints(tmp_path, monkeypatch):
    """No test touches the real ones."""
    for module in (run, latents):
        monkeypatch.setattr(module, "CHECKPOINTS", tmp_path)
    monkeypatch.setattr(run, "SAVE_EVERY", 0)
    return tmp_path


def sitting(minutes: float) -> tuple[Run, torch.nn.Linear, torch.optim.SGD]:
    layer = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
    return Run("small", minutes, model=layer, optimizer=optimizer), layer, optimizer


def train(training: Run, layer, optimizer, until: int) -> list[int]:
    """Steps until a kill during step `until`."""
    steps = []
    for step in training:
        steps.append(step)
        if step == until:
            break
        optimizer.zero_grad()
        layer(torch.ones(1, 2)).square().sum().backward()
        optimizer.step()
    return steps


def test_a_killed_training_goes_on_where_it_was(checkpoints):
    first, layer, optimizer = sitting(minutes=60)
    assert train(first, layer, optimizer, until=5) == [0, 1, 2, 3, 4, 5]

    again, other, other_optimizer = sitting(minutes=60)
    assert (again.step, again.seconds) == (5, first.seconds)
    assert again.seconds > 0
    for mine, theirs in zip(layer.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, theirs)
        momentum = other_optimizer.state[theirs]["momentum_buffer"]
        assert torch.equal(optimizer.state[mine]["momentum_buffer"], momentum)
    assert train(again, other, other_optimizer, until=7) == [5, 6, 7]
    assert [p.name for p in (checkpoints / "small").glob("*.new")] == []
    assert "resumed" in (checkpoints / "small" / "log.txt").read_text()


def test_the_budget_counts_over_all_sittings(checkpoints):
    first, layer, optimizer = sitting(minutes=0.15 / 60)
    steps = train(first, layer, optimizer, until=-1)
    assert steps == list(range(len(steps)))
    assert first.share == 1.0
    again, *_ = sitting(minutes=0.15 / 60)
    assert again.step == len(steps)
    assert list(again) == []


def test_only_what_the_clock_tells_is_spent(checkpoints):
    seconds = itertools.count(step=2)  # asked before and after every step
    training = Run("small", 10 / 60, clock=lambda: next(seconds), model=torch.nn.Linear(1, 1))
    assert list(training) == [0, 1, 2, 3, 4]
    assert training.seconds == 10


@torch.inference_mode()
def test_normalised_latents_have_unit_spread_and_the_same_pictures(tiny):
    vae, images = copy.deepcopy(tiny.vae), autoencoder.whole_scenes(12)
    before = vae.encode(images).latent_dist
    pictures, spread = vae.decode(before.mode()).sample, before.std
    autoencoder.normalize_latents(vae, images)
    after = vae.encode(images).latent_dist
    mode = after.mode()
    assert mode.mean((0, 2, 3)).abs().max() < 1e-4
    torch.testing.assert_close(mode.std((0, 2, 3)), torch.ones(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(vae.decode(mode).sample, pictures, atol=1e-4, rtol=0)
    ratio = before.mode().std((0, 2, 3)).view(1, 4, 1, 1)
    torch.testing.assert_close(after.std, spread / ratio, atol=1e-4, rtol=1e-3)


def test_psnr():
    """An error of 0.1 of the full range everywhere: 10·log10(1/0.01) = 20 dB."""
    images = torch.zeros(2, 3, 8, 8)
    assert autoencoder.psnr(images, images + 0.2) == pytest.approx(20.0, abs=1e-3)


def test_latents_are_encoded_once_and_belong_to_their_encoder(checkpoints, monkeypatch, tiny):
    monkeypatch.setattr(latents, "CHUNK", 4)
    scenes, first = latents.load(tiny.vae, 6)
    assert first.shape == (6, 4, 16, 16)
    images = np.stack([draw(scene) for scene in scenes])
    direct = latents.encode(tiny.vae, images, choose())
    torch.testing.assert_close(first, direct, atol=1e-2, rtol=1e-2)  # kept as float16
    monkeypatch.setattr(latents, "encode", None)  # what is there is not encoded again
    shorter, again = latents.load(tiny.vae, 3)
    assert shorter == scenes[:3]
    assert torch.equal(again, first[:3])
    other = copy.deepcopy(tiny.vae)
    next(other.encoder.parameters()).add_(0.1)
    assert latents.fingerprint(other) != latents.fingerprint(tiny.vae)


def test_kept_latents_are_of_one_precision_and_of_these_scenes(checkpoints, monkeypatch, tiny):
    """Neither what bfloat16 encoded nor what another grammar drew is taken for the right one."""
    monkeypatch.setattr(latents, "CHUNK", 4)
    encoded = []

    def encode(model, images, device):
        encoded.append(device.bfloat16)
        return torch.full((len(images), 4, 16, 16), float(device.bfloat16))

    monkeypatch.setattr(latents, "encode", encode)
    devices = [Device("cpu", bfloat16, 1) for bfloat16 in (False, True, False)]
    found = [latents.load(tiny.vae, 8, device=device)[1] for device in devices]
    assert [set(part.unique().tolist()) for part in found] == [{0.0}, {1.0}, {0.0}]
    assert encoded == [False, False, True, True]
    monkeypatch.setattr(latents, "stream", lambda seed: stream(seed + 1))
    latents.load(tiny.vae, 4, device=devices[0])
    assert encoded[4:] == [False]
