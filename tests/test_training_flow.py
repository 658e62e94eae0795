"""The flow model's training: the step is rectified flow's, and stock code draws what it makes."""

import pytest
import torch
from diffusers import (
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)

from playground.training import export, flow
from playground.training.optimizer import MuonAndAdam
from playground.training.run import to_images


def small_model(**options) -> SD3Transformer2DModel:
    torch.manual_seed(0)
    sizes = {
        "sample_size": 16, "patch_size": 2, "in_channels": 4, "out_channels": 4, "num_layers": 2,
        "attention_head_dim": 8, "num_attention_heads": 2, "joint_attention_dim": 16,
        "caption_projection_dim": 16, "pooled_projection_dim": 16, "pos_embed_max_size": 16,
        "qk_norm": "rms_norm",
    }  # fmt: skip
    return SD3Transformer2DModel(**sizes | options)


@pytest.fixture
def words(tiny):
    """Prompt embeds [2, 77, 16] and pooled ones [2, 16], then those of no words."""
    tokens = tiny.tokenizer(["a cat", "a red star"], padding="max_length", return_tensors="pt")
    none = tiny.tokenizer([""], padding="max_length", return_tensors="pt")
    return [
        (read.last_hidden_state, read.pooler_output)
        for read in (tiny.text_encoder(t.input_ids) for t in (tokens, none))
    ]


def test_the_loss_is_the_squared_error_of_the_velocity():
    """Of a network that always answers 0: (ε − x_0)², at x_t = (1 − σ) x_0 + σ ε and t = 1000 σ."""
    model, calls = small_model(), []
    flow.start_at_zero(model)
    model.register_forward_pre_hook(lambda _, args, given: calls.append(given), with_kwargs=True)
    clean = torch.randn(64, 4, 16, 16)
    embeds, pooled = torch.randn(64, 5, 16), torch.randn(64, 16)
    loss = flow.training_step(model, clean, embeds, pooled)
    (given,) = calls
    assert torch.equal(given["encoder_hidden_states"], embeds)
    assert torch.equal(given["pooled_projections"], pooled)
    sigma = (given["timestep"] / 1000).view(-1, 1, 1, 1)
    assert len(sigma.unique()) == 64
    noise = (given["hidden_states"] - (1 - sigma) * clean) / sigma
    assert float(noise.std()) == pytest.approx(1, abs=0.03)
    assert loss.item() == pytest.approx(float((noise - clean).square().mean()), rel=1e-3)


def test_sigmas_are_logit_normal_with_quantiles_evenly_apart():
    sigmas = flow.logit_normal(500)
    assert 0 < sigmas.min() < 0.1
    assert 0.9 < sigmas.max() < 1
    quantiles = torch.special.ndtr(sigmas.logit()).sort().values
    torch.testing.assert_close(quantiles.diff(), torch.full((499,), 1 / 500), atol=2e-4, rtol=0)


def test_the_network_is_the_published_one_and_starts_at_zero():
    model = flow.new_model()
    assert sum(p.numel() for p in model.parameters()) == 11_769_808
    with torch.no_grad():
        found = model(
            torch.randn(2, 4, 16, 16), torch.randn(2, 32, 128), torch.randn(2, 128),
            torch.tensor([10.0, 900.0]),
        ).sample  # fmt: skip
    assert torch.equal(found, torch.zeros(2, 4, 16, 16))


def test_from_scratch_the_loss_falls():
    """Two prompts, each with latents of one colour: the network learns which it is."""
    model = small_model()
    flow.start_at_zero(model)
    optimizer = MuonAndAdam(model, 1e-2, flow.PLAN.plain)
    pictures, embeds = torch.randn(2, 4, 1, 1).expand(-1, -1, 16, 16), torch.randn(2, 3, 16)
    losses = []
    for _ in range(40):
        which = torch.arange(16) % 2
        loss = flow.training_step(model, pictures[which], embeds[which], embeds[which, 0])
        model.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(1 + pictures.square().mean().item(), abs=0.1)  # of ε and x_0
    assert sum(losses[-10:]) / 10 < 0.7 * losses[0]


def test_most_batches_read_few_tokens_and_some_read_all():
    torch.manual_seed(0)
    lengths = [flow.random_length() for _ in range(1000)]
    assert set(lengths) == {32, 77}
    assert lengths.count(32) / 1000 == pytest.approx(0.85, abs=0.04)


class Straight(torch.nn.Module):
    """The exact velocity of a world with one picture: (x_t − x_0)/σ."""

    def __init__(self, picture):
        super().__init__()
        self.picture = picture

    def forward(self, x, embeds, pooled, timesteps):
        velocity = (x - self.picture) / (timesteps / 1000).view(-1, 1, 1, 1)
        return type("Output", (), {"sample": velocity})


@torch.inference_mode()
def test_an_exact_velocity_leads_to_the_picture_in_one_step_as_in_many(tiny, words):
    picture = torch.randn(1, 4, 16, 16)
    expected = to_images(tiny.vae.decode(picture).sample).astype(int)
    for steps in (1, 7):
        drawn = flow.draw_samples(Straight(picture), tiny.vae, *words, steps=steps)
        assert abs(drawn.astype(int) - expected).max() <= 1


@torch.inference_mode()
def test_what_is_exported_loads_and_draws_in_stock_classes(tiny, words, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "FOLDER", tmp_path / "models" / "small")
    export.autoencoder(tiny.vae)
    export.text_tower(tiny.text_encoder, tiny.tokenizer)
    model = small_model().eval()
    export.flow(model, flow.new_schedule(), steps=3)
    folder = export.flow_folder()
    assert folder.name == "small-flow"
    assert export.facts("flow", folder)["steps"] == 3
    assert (folder / "vae").exists()

    transformer = export.load_flow()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(transformer.state_dict()[name], value, atol=1e-6, rtol=2**-11)
    unused = ("text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2", "text_encoder_3",
              "tokenizer_3")  # fmt: skip
    stock = StableDiffusion3Pipeline(
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler.from_pretrained(folder / "scheduler"),
        vae=tiny.vae,
        **dict.fromkeys(unused),
    )
    stock.set_progress_bar_config(disable=True)
    (embeds, pooled), (none, pooled_none) = words
    latents = stock(
        prompt_embeds=embeds[:, :32],
        pooled_prompt_embeds=pooled,
        negative_prompt_embeds=none[:, :32].expand(2, -1, -1),
        negative_pooled_prompt_embeds=pooled_none.expand(2, -1),
        latents=torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(0)),
        sigmas=[1.0, 0.75, 0.5, 0.25],
        guidance_scale=5.0,
        height=128,
        width=128,
        output_type="latent",
    ).images
    expected = to_images(tiny.vae.decode(latents).sample).astype(int)
    drawn = flow.draw_samples(transformer, tiny.vae, *words, steps=4).astype(int)
    assert abs(drawn - expected).max() <= 1
