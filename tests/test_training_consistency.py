"""The consistency student's training: its parts are the papers', and stock code draws with it."""

import copy

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, LatentConsistencyModelPipeline, UNet2DConditionModel
from one_picture import SCHEDULE, One

from playground.training import consistency, export
from playground.training.consistency import embed_guidance, levels, predict, pseudo_huber
from playground.training.optimizer import MuonAndAdam
from playground.training.unet import new_schedule as teacher_schedule

GRID = range(19, 1000, 20)


@pytest.fixture
def student(tiny) -> UNet2DConditionModel:
    torch.manual_seed(0)
    return consistency.new_model(tiny.unet)


def test_levels_are_the_schedules_and_the_picture_itself_has_no_noise():
    signal, sigma = levels(SCHEDULE, torch.tensor([-1, 0, 999]))
    kept = teacher_schedule().alphas_cumprod
    expected = torch.stack((torch.tensor(1.0), kept[0], kept[999]))
    torch.testing.assert_close(signal.flatten() ** 2, expected)
    torch.testing.assert_close(sigma.flatten() ** 2, 1 - expected)


def test_at_the_end_of_the_path_a_point_is_its_own_end(student):
    x, embeds = torch.randn(2, 4, 16, 16), torch.randn(2, 77, 16)
    with torch.no_grad():
        found = predict(student, SCHEDULE, x, torch.tensor([0, 0]), embeds, torch.ones(2))
    assert torch.equal(found, x)


def test_far_from_it_the_student_answers_with_its_clean_picture(student):
    picture, x = torch.randn(1, 4, 16, 16), torch.randn(1, 4, 16, 16)
    found = predict(One(picture), SCHEDULE, x, torch.tensor([999]), None, torch.ones(1))
    torch.testing.assert_close(found, picture, atol=1e-4, rtol=0)


@torch.no_grad()
def test_the_teachers_step_is_guided_ddim(tiny):
    """Against diffusers' own, along the whole grid; the last step ends at the picture."""
    solver = DDIMScheduler.from_config(teacher_schedule().config, set_alpha_to_one=True)
    solver.set_timesteps(50)
    assert solver.timesteps.tolist() == list(GRID)[::-1]
    x, words = torch.randn(1, 4, 16, 16), torch.randn(2, 77, 16)
    for t in (999, 499, 39, 19):
        time = torch.tensor([t])
        uncond, cond = tiny.unet(torch.cat((x, x)), time.expand(2), words).sample.chunk(2)
        expected = solver.step(uncond + 5 * (cond - uncond), t, x).prev_sample
        found = consistency.solver_step(
            tiny.unet, SCHEDULE, x, time, time - 20, tuple(words.split(1)), torch.tensor([5.0])
        )
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_pseudo_huber_is_quadratic_near_zero_and_absolute_far_away():
    c = consistency.HUBER
    assert float(pseudo_huber(torch.tensor(0.0))) == pytest.approx(0, abs=1e-9)
    assert float(pseudo_huber(torch.tensor(c / 10))) == pytest.approx(c / 200, rel=0.01)
    assert float(pseudo_huber(torch.tensor(-2.0))) == pytest.approx(2 - c, abs=1e-6)


def test_the_guidance_scale_is_embedded_as_the_stock_pipeline_does_it():
    """Sines of thousands: float32 knows them to 0.001."""
    scales = torch.tensor([1.0, 2.5, 10.0])
    stock = LatentConsistencyModelPipeline.get_guidance_scale_embedding(None, scales - 1, 256)
    torch.testing.assert_close(embed_guidance(scales), stock, atol=2e-3, rtol=0)


def test_a_new_student_is_its_teacher_at_every_guidance_scale(tiny, student):
    x, t, embeds = torch.randn(2, 4, 16, 16), torch.tensor([19, 999]), torch.randn(2, 77, 16)
    with torch.no_grad():
        teacher = tiny.unet(x, t, embeds).sample
        for scale in (1.0, 7.0):
            condition = embed_guidance(torch.full((2,), scale))
            found = student(x, t, embeds, timestep_cond=condition).sample
            torch.testing.assert_close(found, teacher)


def test_the_loss_sees_timesteps_of_the_grid_and_all_guidance_scales(tiny, student, monkeypatch):
    seen = {}

    def note(*args):
        seen["timesteps"], seen["earlier"], seen["scales"] = args[3], args[4], args[6]
        return step(*args)

    step = consistency.solver_step
    monkeypatch.setattr(consistency, "solver_step", note)
    words = torch.randn(2, 100, 3, 16)
    with torch.no_grad():
        consistency.training_step(
            student, student, tiny.unet, SCHEDULE, torch.randn(100, 4, 4, 4), *words
        )
    assert seen["timesteps"].unique().tolist() == list(GRID)
    assert torch.equal(seen["earlier"], seen["timesteps"] - 20)
    assert 1 <= seen["scales"].min() < 1.5
    assert 9.5 < seen["scales"].max() <= 10


def test_who_knows_the_only_picture_has_no_loss():
    torch.manual_seed(0)
    clean, words = torch.randn(1, 4, 16, 16).expand(50, -1, -1, -1), torch.zeros(2, 50, 77, 16)
    right, wrong = One(clean[:1]), One(clean[:1], off=0.1)
    perfect = consistency.training_step(right, right, right, SCHEDULE, clean, *words)
    assert float(perfect) < 1e-4
    assert consistency.training_step(wrong, right, right, SCHEDULE, clean, *words) > 0.01


def test_training_brings_neighbours_nearer_to_each_other(tiny, student):
    torch.manual_seed(0)
    clean, words = torch.randn(16, 4, 4, 4), torch.randn(2, 16, 3, 16)
    target = copy.deepcopy(student).requires_grad_(False)
    optimizer = MuonAndAdam(student, 2e-3)

    def loss():
        return consistency.training_step(student, target, tiny.unet, SCHEDULE, clean, *words)

    def measured() -> float:
        with torch.no_grad():
            torch.manual_seed(1)
            return float(loss())

    before = measured()
    for _ in range(15):
        student.zero_grad()
        loss().backward()
        optimizer.step()
        target.load_state_dict(student.state_dict())
    assert measured() < 0.95 * before
    assert student.time_embedding.cond_proj.weight.abs().max() > 0


@torch.inference_mode()
def test_the_stock_pipeline_draws_the_same_pictures(tiny, student, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "FOLDER", tmp_path / "models" / "small")
    export.autoencoder(tiny.vae)
    export.text_tower(tiny.text_encoder, tiny.tokenizer)
    torch.nn.init.normal_(student.time_embedding.cond_proj.weight, std=0.1)
    export.student(student.eval(), consistency.new_schedule(), steps=7)
    folder = export.student_folder()
    assert export.facts("student", folder)["steps"] == 7
    stock = LatentConsistencyModelPipeline.from_pretrained(folder, local_files_only=True)
    stock.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(2, 4, 16, 16, generator=generator)
    expected = stock(
        ["a cat", "a red star"], guidance_scale=5.0, num_inference_steps=4, latents=noise,
        generator=generator, height=128, width=128, output_type="np",
    ).images  # fmt: skip
    tokens = tiny.tokenizer(["a cat", "a red star"], padding="max_length", return_tensors="pt")
    embeds = tiny.text_encoder(tokens.input_ids).last_hidden_state
    drawn = consistency.draw_samples(export.load_student(), tiny.vae, embeds)
    assert np.abs(drawn - 255 * expected).max() <= 2
