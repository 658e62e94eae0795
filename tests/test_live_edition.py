"""The browser's modules against Python and diffusers: noise, tokens, samplers, guidance."""

import json
import re
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import live_node
import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from playground import weighting
from playground.diffusion import guidance, levels, reference, samplers, solvers
from playground.live import node, site
from playground.models import encode, prompt
from playground.models.families.joint import SHORT, JointModel
from playground.models.specs import MODELS
from playground.recipe import Recipe, RecipeError
from playground.world import tokens

COUNTS = (1024, 1, 3, 17, 16, 15, 2048)
STEPS = (1, 2, 3, 15, 61)  # trailing timesteps of 61 steps are one too many in numpy
CHANNELS, SIDE = 4, 6


def asked_of(name: str) -> dict:
    """What the browser's schedules know of a model."""
    spec, flow = MODELS[name], samplers.is_flow(MODELS[name].scheduler_config)
    config = spec.scheduler_config
    return {
        "prediction": spec.prediction, "scheduler_config": config, "fits": {},
        "alphas_cumprod": [] if flow else site.alphas(config),
    }  # fmt: skip


def test_noise_is_torchs_bit_for_bit():
    """As torch computes it with AVX2; without it torch itself rounds otherwise."""
    if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        pytest.skip("torch draws with other instructions here")
    seeds = (0, 7, 2**32 - 1)
    found = live_node.answers([{"ask": "noise", "seed": s, "counts": COUNTS} for s in seeds])
    for seed, drawn in zip(seeds, found, strict=True):
        generator = torch.Generator().manual_seed(seed)
        for numbers in drawn:
            expected = torch.randn(len(numbers), generator=generator)
            assert np.array_equal(np.float32(numbers), expected.numpy())


SAMPLED = [
    (name, sampler) for name in MODELS for sampler in samplers.SAMPLERS.values()
    if not sampler.refusal_of(MODELS[name].scheduler_config)
]  # fmt: skip


@pytest.fixture(scope="module")
def solved() -> dict:
    """The browser's levels and ends by model, sampler and steps, all from one process."""
    asked = {
        (name, sampler.name, steps): {"model": asked_of(name), "sampler": sampler.name,
                                      "steps": steps}
        for name, sampler in SAMPLED for steps in STEPS
        if steps <= (sampler.most_steps(MODELS[name].scheduler_config) or steps)
    }  # fmt: skip
    questions = [
        ask | {"ask": what, "eta": eta(key), "seed": 5, "count": CHANNELS * SIDE**2}
        for key, ask in asked.items() for what in ("levels", "solve")
    ]  # fmt: skip
    found = live_node.answers(questions)
    return dict(zip(asked, zip(found[::2], found[1::2], strict=True), strict=True))


def eta(key: tuple) -> float:
    return 0.3 if samplers.get(key[1]).uses_eta and key[2] % 2 else 0.0


@pytest.mark.parametrize(("name", "sampler"), SAMPLED)
def test_levels_and_steps_are_those_of_diffusers(name, sampler, solved):
    """Whatever a network would say: here it says tanh of its latents, shifted by their noise."""
    config = MODELS[name].scheduler_config
    for key in (k for k in solved if k[:2] == (name, sampler.name)):
        steps = key[2]
        generator = torch.Generator().manual_seed(5)
        noise = torch.randn(1, CHANNELS, SIDE, SIDE, generator=generator)
        timing = JointModel.timing(None, steps, 1, 1) if samplers.is_flow(config) else {}
        solver = solvers.Scheduled(sampler.name, config, steps, noise, generator, eta(key), timing)
        for call, at in enumerate(solver.levels):
            solver.step(call, torch.tanh(solver.latents(call) + at.noise))
        placed, way = solved[key]
        expected = [[at.signal, at.noise, at.t] for at in solver.levels]
        np.testing.assert_allclose(placed["levels"], expected, rtol=1e-5, atol=1e-6)
        end = samplers.end_level(solver.scheduler)
        np.testing.assert_allclose(placed["end"], [end.signal, end.noise], atol=1e-6)
        assert way["calls"] == sampler.network_calls(steps)
        assert max(way["seen"]) < 1e-6  # it asks at the levels that it said before
        scale = max(1.0, float(solver.sample.abs().max()))
        off = np.abs(way["end"] - solver.sample.flatten().numpy()).max()
        assert off < 2e-5 * scale, key


@pytest.mark.parametrize("name", ["emoji-world", "emoji-world-flow"])
def test_the_exact_solution_is_that_of_python(name):
    spec = MODELS[name]
    noise = torch.randn(1, CHANNELS, SIDE, SIDE, generator=torch.Generator().manual_seed(5))
    asked = {"ask": "exact", "model": asked_of(name), "start": noise.flatten().tolist()}
    (found,) = live_node.answers([asked])
    curve = reference.curve_of(spec.scheduler_config)
    solver = solvers.Exact(curve, levels.prediction(spec.prediction), noise)
    for call, at in enumerate(solver.levels):
        solver.step(call, torch.tanh(solver.latents(call) + at.noise))
    expected = [[at.signal, at.noise, at.t] for at in solver.levels]
    np.testing.assert_allclose(found["levels"], expected, rtol=1e-4, atol=1e-5)
    assert np.abs(found["end"] - solver.sample.flatten().numpy()).max() < 1e-3
    assert found["path"] == len(solver.solution.path)
    assert found["bound"] == pytest.approx(float(solver.solution.bound[0]), abs=2e-4)


@pytest.fixture(scope="module")
def turns() -> dict:
    """What happens to runs of a small engine: see live/turns.mjs."""
    facts = {
        "name": "small", "channels": 1, "factor": 8, "multiple": 8, "preview_map": [[1, 0, 0]] * 2,
        "guidance": {"name": "classifier_free", "branches": True}, "kind": "unet",
    }  # fmt: skip
    given = {
        "model": asked_of("emoji-world") | facts,
        "recipe": asdict(Recipe(steps=4, width=64, height=64, model="small")),
    }
    script = live_node.ANSWERS.with_name("turns.mjs")
    return json.loads(node.run(script, given=json.dumps(given)))


def test_cancelling_takes_effect_within_one_call(turns):
    assert turns["cancelled"] == {"heard": ["step 0", "step 0"], "calls": 2}


def test_a_section_has_one_run_and_others_go_on(turns):
    assert turns["replaced"] == [0, "picture 0", "picture 0"]


def test_a_dropped_cell_leaves_the_others(turns):
    heard = turns["dropped"]
    assert heard.count("step 0") == 4
    assert heard.count("step 1") == 0
    assert heard.index("dropped 1") == 1
    assert heard[-1] == "picture 0"


def test_a_faulty_cell_ends_alone_in_one_line(turns):
    assert turns["failed"]["reason"] == "It is broken."
    assert sorted(turns["failed"]["ends"]) == ["failure 1", "picture 0", "picture 2"]


def test_calls_are_full_and_never_larger_than_allowed(turns):
    many = turns["many"]
    assert many["most"] == many["limit"]
    assert many["pictures"] == 7
    assert many["rows"] == 7 * 4 * 2
    assert turns["sizes"] == {"pictures": 2, "most": 2}


def test_models_of_one_run_take_turns(turns):
    assert turns["models"] == "012" * 4


def test_guiders_are_those_of_python():
    generator = torch.Generator().manual_seed(3)
    uncond, cond = torch.randn(2, 1, 4, 8, 8, generator=generator)
    cases = [
        (name, w, share) for name in guidance.GUIDERS for w in (0.5, 7.5) for share in (0, 0.7)
    ]
    found = live_node.answers([
        {"ask": "guide", "guider": name, "uncond": uncond.flatten().tolist(),
         "cond": cond.flatten().tolist(), "scale": w, "share": share}
        for name, w, share in cases
    ])  # fmt: skip
    for (name, w, share), numbers in zip(cases, found, strict=True):
        expected = guidance.GUIDERS[name].guide(uncond, cond, w)
        if share:
            expected = guidance.rescale(expected, cond, share)
        np.testing.assert_allclose(numbers, expected.flatten(), rtol=1e-4, atol=1e-5)


def test_w_of_every_step_is_that_of_python():
    recipe = Recipe(guidance=6.0, guidance_start=0.15, guidance_stop=0.8)
    cases = [replace(recipe, guidance_schedule=name) for name in guidance.SCHEDULES]
    cases += [Recipe(guidance=0.0), Recipe(guidance=1.0), Recipe(guidance_start=1.0)]
    kinds = (guidance.CLASSIFIER_FREE, guidance.EMBEDDED)
    asked = [(case, kind) for case in cases for kind in kinds]
    found = live_node.answers([
        {"ask": "scales", "recipe": asdict(case), "count": 13, "kind": {"branches": kind.branches}}
        for case, kind in asked
    ])  # fmt: skip
    for (case, kind), said in zip(asked, found, strict=True):
        expected = [guidance.scale_at(case, i, 13) for i in range(13)]
        np.testing.assert_allclose(said["scales"], expected, rtol=1e-12)
        assert said["branches"] == [list(guidance.branches(w, kind)) for w in said["scales"]]


ODD = (
    "", " ", "a cat", "A CAT\twearing\na Top-Hat!", "cat,dog", " ,, cat , , dog.",
    "2 cats and 3 dogs", "1.3 cats, 2,5 dogs, 4k, v2", "cafe\u0301 au lait \u212b",
    "İstanbul Σίσυφος ẞ", "“a cat”—(a dog)", "a\u200bcat with zero\u200dwidth \ufeffmarks",
    "🐱 a cat 🐱🏽\u200d🚀", "it's the cat's 'hat'", "，cat、dog。", "<unk> <start> a cat<end>",
    "a\x1ccat\x85dog\u2028fox", "하늘 아래 高い山 ཨོཾ", "a cat " * 20, "zebra " * 80,
    "a (cat:1.3) and ((dog:0.5):2)", "(a top hat :1,5), \\(plain\\) (cat", "(cat:9)",
    "(:1.3) (cat:) )(",
)  # fmt: skip


@pytest.mark.parametrize("lengths", [[77], [SHORT, 77]])
def test_prompts_are_read_as_in_python(lengths):
    folder = MODELS["emoji-world"].folder / "tokenizer"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = [*ODD, *tokens.words(), "a " + " ".join(tokens.words()[:40])]
    (found,) = live_node.answers([
        {"ask": "read", "tokenizer": json.loads((folder / "tokenizer.json").read_text()),
         "words": site.tables()["words"], "lengths": lengths, "texts": texts}
    ])  # fmt: skip
    for text, said in zip(texts, found, strict=True):
        if "refused" in said:
            with pytest.raises(RecipeError, match=re.escape(said["refused"])):
                weighting.read(text)
            continue
        weighted = weighting.read(text)
        count = len(tokenizer(weighted.text)["input_ids"])
        length = next((n for n in lengths if count <= n), lengths[-1])
        stream = encode.stream_of(tokenizer, weighted.text, "CLIP", length)
        known, cut = encode.words_of(tokenizer, weighted.text, stream)
        read = prompt.Prompt(weighted.text, (stream,), known, torch.zeros(1, length, 1), cut=cut)
        read = prompt.as_typed(read, weighted) if weighted.text != text else read
        assert said["ids"] == list(read.ids), text
        assert (said["names"], said["roles"]) == (list(read.names), list(read.roles)), text
        assert said["cut"] == list(read.cut), text
        assert [facts(word) for word in said["words"]] == [
            [w.text, w.start, w.end, list(w.tokens), w.known, w.content] for w in read.words
        ], text
        assert said["columns"] == read.columns.tolist(), text
        assert said["wordColumns"] == prompt.word_columns(read).tolist(), text
        weights = None if read.weights is None else read.weights.tolist()
        assert said["weights"] == weights, text


def facts(word: dict) -> list:
    return [word[name] for name in ("text", "start", "end", "tokens", "known", "content")]


def test_types_of_all_modules_hold():
    """By the checker of TypeScript, which reads the types in the comments."""
    home = Path(site.__file__).parent
    checker = home / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run(
        [node.node(), checker, "-p", home], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("", 0)
