"""Fixtures: a small random model of real classes, the shipped one, and scenes of the stream."""

import fcntl
import functools
import itertools
import json
import os
import re
from pathlib import Path

import cross
import joint
import pytest
import torch
from browser import CHROMIUM, DRAWN, LONGEST, chromium, pending, running_app
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from playground.engine.engine import Engine
from playground.engine.local import LocalSession
from playground.live import export as live_export
from playground.measuring.tiny import pipelines as tiny_pipelines
from playground.models.families.unet import UNetModel
from playground.models.load import load
from playground.page import serving
from playground.page.kept import Kept
from playground.recipe import Recipe
from playground.training.unet import new_schedule
from playground.world.grammar import stream
from playground.world.tokens import new_tokenizer


def pytest_configure(config):
    """diffusers 0.42 hands torch tensors to np.array and np.log in `set_timesteps`."""
    config.addinivalue_line("filterwarnings", "ignore:__array_:DeprecationWarning:diffusers")
    # What is made once on a machine is made once for the tests, and not in the user's folder.
    os.environ["LATENT_PLAYGROUND_CACHE"] = str(config.cache.mkdir("playground"))
    if "PYTEST_XDIST_WORKER" in os.environ:  # another worker computes on the other cores
        torch.set_num_threads(1)


@functools.cache
def of_page(file: str) -> bool:
    """Whether tests of this file visit the playground that `address` runs."""
    asked = r"def \w+\([^)]*\b(visit|address|lens)\b"
    return re.search(asked, (Path(__file__).parent / Path(file).name).read_text()) is not None


def pytest_collection_modifyitems(items):
    """What takes longest begins first: all that one process does with the page."""
    items.sort(key=lambda item: not of_page(item.path.name))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Tests of a file stay in one process, and so do all of the page: two playgrounds would disturb
    each other's races. pytest 9.2 drops the marks by which xdist groups tests.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::")[0]
            return "the page" if of_page(file) else file

    config.option.loadscopereorder = False  # the largest group is not the slowest one
    return ByFile(config, log)


def tiny_model(**unet_options) -> UNetModel:
    torch.manual_seed(0)
    tokenizer = new_tokenizer()
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4,
        mid_block_add_attention=False,
        scaling_factor=1.0,
    )
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32,
            num_hidden_layers=1, num_attention_heads=2, eos_token_id=tokenizer.eos_token_id,
            bos_token_id=tokenizer.bos_token_id, pad_token_id=tokenizer.pad_token_id,
        )
    )  # fmt: skip
    options = {
        "sample_size": 16, "block_out_channels": (8, 16, 16), "layers_per_block": 1,
        "down_block_types": ("CrossAttnDownBlock2D",) * 3,
        "up_block_types": ("CrossAttnUpBlock2D",) * 3,
        "cross_attention_dim": 16, "attention_head_dim": 2, "norm_num_groups": 4,
    }  # fmt: skip
    unet = UNet2DConditionModel(**options | unet_options)
    for module in (vae, text_encoder, unet):
        module.eval().requires_grad_(False)
    config = json.loads(new_schedule().to_json_string())  # as read from the shipped folder
    return UNetModel("tiny", vae, text_encoder, tokenizer, unet, config, torch.zeros(5, 3))


@pytest.fixture(scope="session")
def tiny() -> UNetModel:
    return tiny_model()


@pytest.fixture
def engine(tiny):
    """An engine on `tiny`; the test ends when its thread has."""
    engine = Engine(tiny)
    yield engine
    engine.stop()  # two engines at once on one model would disturb each other


@pytest.fixture(scope="session")
def streamed() -> list:
    """The first 5000 (scene, caption) of a stream that no training uses."""
    return list(itertools.islice(stream(77), 5000))


@pytest.fixture(scope="session")
def tiny_pipeline(request):
    """Of a family of `tiny_pipelines.MAKERS`, its folder: written once on a machine."""
    kept = request.config.cache.mkdir(f"tiny_pipelines_{tiny_pipelines.version()}")
    return lambda family: tiny_pipelines.written(family, kept)


@pytest.fixture(scope="session")
def joint_model(tiny_pipeline):
    """By the name of a tiny pipeline with joint attention, its model."""
    return functools.cache(lambda name: joint.load(tiny_pipeline(name), name))


@pytest.fixture(scope="session")
def both(tiny_pipeline):
    """By the name of a tiny pipeline with cross-attention, it and our model of it."""
    return functools.cache(lambda name: cross.Both(tiny_pipeline(name), name))


@pytest.fixture(scope="module")
def one_thread():
    """For networks so small that threads wait for each other longer than an operation takes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def live_site(request) -> Path:
    """A folder of the edition that runs in a browser: written once on a machine for its sources."""
    kept = Path(request.config.cache.mkdir("live"))
    with open(kept / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker may be writing it
        live_export.write(kept / "site")
    return kept / "site"


@pytest.fixture(scope="session")
def shipped() -> UNetModel:
    return load("emoji-world")


@pytest.fixture
def session(engine, monkeypatch) -> LocalSession:
    """The small model's session in the place of the page's, and nothing kept yet."""
    one, kept = LocalSession(engine), Kept()
    monkeypatch.setattr(serving, "session", lambda *_: one)
    monkeypatch.setattr(serving, "opened", lambda *_: one)
    monkeypatch.setattr(serving, "kept", lambda: kept)
    return one


@pytest.fixture(scope="session")
def address():
    """Of a running playground."""
    with running_app() as url:
        yield url


@pytest.fixture(scope="session")
def browser():
    if CHROMIUM is None and not os.environ.get("REQUIRE_BROWSER"):
        pytest.skip("needs chromium: apt-get install chromium")
    with chromium() as one:
        yield one


@pytest.fixture
def page(browser):
    """A bare page, for a view alone; nothing may have gone wrong in its scripts."""
    found = []
    one = browser.new_page(viewport={"width": 900, "height": 800})
    one.set_default_timeout(LONGEST)
    one.on("pageerror", lambda error: found.append(str(error)))
    yield one
    one.close()
    assert found == []


@pytest.fixture
def visit(browser, address):
    """Open the page (or a path of it); afterwards nothing may have gone wrong in its scripts."""
    errors, pages = [], []

    def opener(path="/", **options):
        page = browser.new_page(**{"viewport": {"width": 1300, "height": 1000}} | options)
        page.set_default_timeout(LONGEST)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.pending = pending(page)  # for lens.quiet
        pages.append(page)
        page.goto(address + path)
        page.wait_for_selector("#explorer .words button", timeout=LONGEST)
        return page

    yield opener
    for page in pages:
        page.close()
    assert errors == []


@pytest.fixture
def lens(visit):
    """Opens a recipe's link, waits for its picture and turns to the Guidance lens."""

    def opener(recipe: Recipe, **options):
        page = visit(f"/?r={recipe.to_query()}", **options)
        page.wait_for_function(
            f"seed => {DRAWN} && document.querySelector('#explorer .status').textContent"
            ".includes(seed)",
            arg=f"seed {recipe.seed}",
            timeout=LONGEST,
        )
        page.get_by_role("tab", name="Guidance").click()
        page.wait_for_selector("#lookahead .picture")
        return page

    return opener
