"""A picture that is there already, read by the network: the same maps as recorded directly."""

import io

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from test_flow import joint  # noqa: F401  # a fixture

from playground.attention import heatmaps
from playground.attention.record import Watched, record
from playground.attention.summing import READ_AT, Aggregation
from playground.diffusion.guidance import COND
from playground.engine.engine import Engine
from playground.engine.events import Picture, Step
from playground.engine.local import LocalSession
from playground.engine.record import RunRecord, records
from playground.measuring import named
from playground.models import families
from playground.models.prompt import Condition
from playground.recipe import Recipe, RecipeError
from playground.world.grammar import stream

PROMPT = "a red square"
HOW = Aggregation(latest=600, weights=(0.5, 1.0), edges=0.1)


@pytest.fixture(params=["unet", "flow"])
def model(request, tiny):
    return tiny if request.param == "unet" else request.getfixturevalue("joint")


@pytest.fixture
def asked(model):
    engine = Engine(model)
    yield LocalSession(engine)
    engine.stop()


def read(session, picture, prompt=PROMPT, **options) -> RunRecord:
    *_, last = records(session, session.read(picture, prompt, **options))
    assert isinstance(last, RunRecord), last
    return last


def picture_of(session, **fields) -> np.ndarray:
    *_, last = session.submit([Recipe(PROMPT, steps=2, sampler="euler", **fields)])
    return last.image


@torch.inference_mode()
def test_a_picture_is_read_as_recorded_directly_on_its_noised_latents(asked, model):
    drawn = picture_of(asked, width=96, height=64)
    found = read(asked, drawn, how=HOW, seed=3)
    clean, prompt = model.latents_of(drawn), model.encode(PROMPT)
    noise = model.noise(torch.Generator().manual_seed(3), 64, 96)
    assert [step.level for step in found.steps] == list(HOW.levels(model.scheduler_config))
    expected = []
    for level in HOW.levels(model.scheduler_config):
        noised = level.mix(clean, noise)
        with record(model.network, [Watched(0, prompt.columns)]) as recorder:
            model.predict(noised, [level], [Condition(prompt, None, (64, 96))])
        expected += recorder.maps()
    for step, maps in zip(found.steps, expected, strict=True):
        assert step.guidance == 1
        assert set(step.clean) == {COND, "guided"}
        for size, map_ in maps.items():
            np.testing.assert_allclose(step.maps[size], map_, atol=1e-5)
    summed = heatmaps.of_run(expected, found.timesteps, prompt.words, HOW)
    np.testing.assert_allclose(found.word_maps(HOW), summed, atol=1e-5)
    assert np.array_equal(found.picture.image, model.decode(clean)[0])


@pytest.mark.parametrize("family", ["lcm", "sana", "flux", "qwen_image"])
def test_families_read_with_their_own_autoencoders(family, tiny_pipeline):
    """w as an input, an autoencoder without a distribution, packed latents, one of videos."""
    pipeline = DiffusionPipeline.from_pretrained(tiny_pipeline(family), local_files_only=True)
    made = families.get(type(pipeline).__name__).load_class()
    model = made.from_pipeline(family, pipeline, torch.zeros(1, 3))
    model.preview_map = torch.zeros(model.channels + 1, 3)
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    engine = Engine(model)
    found = read(LocalSession(engine), picture, heads=True)
    engine.stop()
    (maps,) = {shares.shape[1] for shares in found.shares().values()}
    assert maps == len(found.prompt.words) == 3
    np.testing.assert_allclose(found.word_maps(HOW).sum(0), 1, atol=1e-5)
    assert found.picture.image.shape == picture.shape


@pytest.mark.parametrize("config", [{}, {"_class_name": "FlowMatchEulerDiscreteScheduler"}])
@pytest.mark.parametrize("latest", [50, 200, 400, 1000])
def test_levels_are_those_whose_maps_are_summed(config, latest, tiny):
    how = Aggregation(latest)
    times = [level.t for level in how.levels(config or tiny.scheduler_config)]
    assert times == [t for t in READ_AT if t <= latest] or times == [READ_AT[-1]]
    assert how.settled(times) == list(range(len(times)))


def test_the_levels_have_the_noise_of_training(tiny):
    """ᾱ of the scaled linear schedule, and the straight line of rectified flow."""
    (level,) = Aggregation(200).levels(tiny.scheduler_config)
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    alpha_bar = float((1 - betas).cumprod(0)[200])
    assert (level.signal, level.noise) == pytest.approx(
        (alpha_bar**0.5, (1 - alpha_bar) ** 0.5), abs=1e-5
    )
    (level,) = Aggregation(200).levels({"_class_name": "FlowMatchEulerDiscreteScheduler"})
    assert (level.signal, level.noise) == (0.8, 0.2)


def test_scenes_are_measured_in_this_way(shipped):
    """The card's figures of scenes are of the same calls: every head's codes mean the same."""
    engine = Engine(shipped)
    (sample,) = named.in_scenes(shipped, 1)
    _, caption = next(stream(named.SEED))
    found = read(LocalSession(engine), sample.picture, caption.text, heads=True,
                 how=Aggregation(1000), seed=named.SEED)  # fmt: skip
    engine.stop()
    assert sorted(found.timesteps) == list(sample.timesteps)
    count = len(sample.words)
    for size, maps in sample.maps.items():
        for t, expected in zip(sample.timesteps, maps, strict=True):
            step = found.steps[found.timesteps.index(t)]
            codes = step.heads[COND][size].codes[:, 1 : count + 1].astype(np.float32)
            np.testing.assert_allclose(((codes / 255) ** 2).mean(0), expected, atol=1e-3)


def test_drawing_beside_it_changes_nothing(session):
    recipe = Recipe(PROMPT, steps=2, sampler="euler")
    alone, picture = picture_of(session), np.full((128, 128, 3), 90, np.uint8)
    before = read(session, picture, how=HOW).word_maps(HOW)
    with session.submit([recipe]) as drawing, session.read(picture, PROMPT, how=HOW) as reading:
        events = list(records(session, reading))
        *_, drawn = drawing
    np.testing.assert_allclose(events[-1].word_maps(HOW), before, atol=1e-5)
    assert isinstance(drawn, Picture)
    assert [e.index for e in events if isinstance(e, Step)] == list(range(3))
    assert abs(drawn.image.astype(int) - alone).max() <= 1  # of 255: batches round differently


def test_a_reading_can_be_cancelled_and_takes_its_visitors_turns(session):
    gray = np.full((128, 128, 3), 90, np.uint8)
    with session.read(gray, PROMPT, how=Aggregation(1000)) as run:
        assert next(iter(run)).count == len(READ_AT)
    assert not any(isinstance(event, Picture) for event in run)
    run = session.read(gray, PROMPT, visitor="me", section="reading", asked=5.0)
    assert (run.visitor, run.section, run.asked) == ("me", "reading", 5.0)
    assert isinstance(list(run)[-1], Picture)


def test_no_recipe_draws_what_was_read(session):
    file = io.BytesIO(read(session, np.full((64, 64, 3), 90, np.uint8)).png())
    with pytest.raises(RecipeError, match="no recipe"):
        Recipe.from_png(file)


@pytest.mark.parametrize(
    "picture",
    [np.zeros((64, 64), np.uint8), np.zeros((64, 64, 4), np.uint8), np.zeros((64, 64, 3))],
)
def test_only_an_array_of_colours_is_read(picture, session):
    with pytest.raises(RecipeError, match="uint8"):
        session.read(picture, PROMPT)


def test_a_side_that_the_model_cannot_read_is_refused(session):
    with pytest.raises(RecipeError):
        session.read(np.zeros((64, 76, 3), np.uint8), PROMPT)
