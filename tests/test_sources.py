"""What a recipe's model names, and which names are offered where others reach the page."""

import hashlib
import os

import pytest
from folders import check_sentence

from playground.models import loras, memory, offered, source, specs, weights
from playground.models.offered import NotOfferedError
from playground.models.source import FILE, FOLDER, HUB, NAME, Source, SourceError
from playground.recipe import Recipe, RecipeError

TEXTS = {
    "emoji-world": Source(NAME, "emoji-world"),
    "/models/sd15": Source(FOLDER, "/models/sd15"),
    "./sd15": Source(FOLDER, "./sd15"),
    "../my models/sd15:fp16": Source(FOLDER, "../my models/sd15", variant="fp16"),
    "~/sd15/": Source(FOLDER, "~/sd15/"),
    r"C:\models\sd15": Source(FOLDER, r"C:\models\sd15"),
    "/models/x.safetensors": Source(FILE, "/models/x.safetensors"),
    "x.SafeTensors": Source(FILE, "x.SafeTensors"),
    "owner/name": Source(HUB, "owner/name"),
    "owner/name@main": Source(HUB, "owner/name", "main"),
    "o-w.n/na_me-1.0@refs/pr/3:fp16": Source(HUB, "o-w.n/na_me-1.0", "refs/pr/3", "fp16"),
}


@pytest.mark.parametrize(("text", "found"), TEXTS.items(), ids=TEXTS.keys())
def test_a_text_names_one_thing_on_every_machine(text, found):
    assert source.read(text) == found
    assert found.text == text


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "a b", "owner/", "/", "owner/name/more", "//host/share", r"\\host\share",
        r"\\host\share\x.safetensors", "//host/x.safetensors", "https://x.org/owner/name",
        "https://x.org/x.safetensors", "owner/na..me", "../", "-o/name", "owner/name@", "owner/né",
        "owner/name@a b", "a\nb/c", "owner/name:fp 16", " owner/name", "x" * 301, "owner/name\x00",
    ],
)  # fmt: skip
def test_other_texts_name_none(text):
    if text in ("/", "../"):
        assert source.read(text).kind == FOLDER  # strange, but a folder
        return
    with pytest.raises(SourceError) as caught:
        source.read(text)
    check_sentence(caught.value)
    with pytest.raises(specs.UnknownModelError, match="there are: emoji-world"):
        specs.get(text)


def test_a_lora_is_a_file_and_how_strong_it_is():
    assert loras.read("/x/style.safetensors") == ("/x/style.safetensors", 1.0)
    assert loras.read("style.safetensors:-0.5") == ("style.safetensors", -0.5)
    assert loras.read("few-steps:0.5") == (str(loras.BUILT_IN["few-steps"].file), 0.5)
    path = "few-steps:/../x.safetensors"
    assert loras.read(path)[0] == path
    assert loras.built_in(path) is None
    assert loras.built_in("few-steps:0.5") is loras.BUILT_IN["few-steps"]
    for wrong in ("few-steps:", "few-steps:9", "few-steps.bin"):
        with pytest.raises(SourceError, match="few-steps"):
            loras.read(wrong)
    for wrong in ("", "style", "style.safetensors:", "x.safetensors:9", "//host/x.safetensors",
                  "x.safetensors:nan", "x.safetensors:1e9", r"\\host\x.safetensors"):  # fmt: skip
        with pytest.raises(SourceError):
            loras.read(wrong)


@pytest.fixture
def public(monkeypatch):
    """Others reach the page, and nothing is listed."""
    for name in ("GRADIO_SERVER_NAME", "GRADIO_SHARE", offered.LIST):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SPACE_ID", "owner/space")
    return monkeypatch


@pytest.mark.parametrize(
    ("name", "value", "reached"),
    [
        ("SPACE_ID", "owner/space", True), ("GRADIO_SHARE", "True", True),
        ("GRADIO_SERVER_NAME", "0.0.0.0", True), ("GRADIO_SERVER_NAME", "::", True),
        ("GRADIO_SERVER_NAME", "192.168.1.5", True), ("GRADIO_SERVER_NAME", "lab.example", True),
        ("GRADIO_SERVER_NAME", "127.0.0.1", False), ("GRADIO_SERVER_NAME", "localhost", False),
        ("GRADIO_SERVER_NAME", "[::1]", False), ("GRADIO_SHARE", "False", False),
    ],
)  # fmt: skip
def test_who_can_reach_the_page(name, value, reached, public):
    public.delenv("SPACE_ID")
    public.setenv(name, value)
    assert offered.others_can_reach() == reached


def test_where_others_reach_the_page_a_lora_has_its_full_strength(public):
    """Each strength is a model of its own in memory, and a link may name any."""
    public.setenv(offered.LIST, "/styles/ink.safetensors")
    for lora in ("", "few-steps", "/styles/ink.safetensors"):
        offered.check("emoji-world", lora)
    for lora in ("few-steps:0.11", "few-steps:1", "/styles/ink.safetensors:0.5", "few-steps:/x",
                 "few-steps:/../x.safetensors", "/x.safetensors"):  # fmt: skip
        with pytest.raises(NotOfferedError, match="does not offer that LoRA"):
            offered.check("emoji-world", lora)


def test_where_others_reach_the_page_only_listed_models_are_offered(public, tiny_pipeline):
    folder = str(tiny_pipeline("sd15"))
    for name in (folder, "owner/name", "/etc", "/etc/x.safetensors"):
        with pytest.raises(NotOfferedError, match="it offers: the built-in one alone"):
            specs.get(name)  # whether it exists is not said
    assert specs.get("emoji-world").built_in
    public.setenv(offered.LIST, f" {folder} , owner/name,owner/pinned@v1")
    assert specs.get(folder).label == "sd15"
    for name in ("owner/name", "owner/name@3f1a", "owner/pinned@v1"):
        offered.check(name)
    for name in ("owner/name:fp16", "owner/pinned", "owner/pinned@v2", f"{folder}/unet", "owner/n"):
        with pytest.raises(
            NotOfferedError, match=r"it offers: .*sd15, owner/name, owner/pinned@v1"
        ):
            offered.check(name)


def test_the_list_may_be_a_file(public, tmp_path):
    file = tmp_path / "models.txt"
    file.write_text("# for the class\nowner/name  # SDXL\n\n/models/style.safetensors\n")
    public.setenv(offered.LIST, str(file))
    assert offered.allow_list() == ("owner/name", "/models/style.safetensors")
    offered.check("owner/name", "/models/style.safetensors")
    with pytest.raises(NotOfferedError, match="does not offer that LoRA"):
        offered.check("owner/name", "/models/other.safetensors")
    public.setenv(offered.LIST, str(tmp_path / "none.txt"))
    with pytest.raises(NotOfferedError, match="cannot be read"):
        offered.check("owner/name")


def test_on_ones_own_machine_everything_is_offered(public):
    public.delenv("SPACE_ID")
    offered.check("owner/name", "x.safetensors")


def test_what_is_not_enough_memory_is_said_with_both_numbers():
    memory.require(10**9, 2 * 10**9, "sd15")
    with pytest.raises(
        memory.NotEnoughMemoryError, match=r"sd15 needs about 1\.2 GB .* 900 MB are"
    ):
        memory.require(10**9, 9 * 10**8, "sd15")


def test_the_limit_of_all_models_is_a_setting(monkeypatch):
    monkeypatch.setenv(memory.LIMIT, "8e9")
    assert memory.limit() == 8_000_000_000
    for wrong in ("8 GB", "nan", "inf"):
        monkeypatch.setenv(memory.LIMIT, wrong)
        with pytest.raises(ValueError, match="must be a number of bytes"):
            memory.limit()
    monkeypatch.delenv(memory.LIMIT)
    assert 0 < memory.limit() < 2 * memory.free() + 2**40


def test_a_digest_is_of_all_bytes(tmp_path):
    one, two = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    one.write_bytes(b"one")
    two.write_bytes(b"two")
    assert weights.digest([one]) == hashlib.sha256(b"one").hexdigest()[:12]
    both = weights.digest([one, two])
    assert both == weights.digest([two, one])
    state = two.stat()
    two.write_bytes(b"tow")
    os.utime(two, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert weights.digest([one, two]) != both
    blob = tmp_path / "blobs" / ("a" * 64)  # as the Hub's cache names its files
    blob.parent.mkdir()
    blob.write_bytes(b"not read")
    (tmp_path / "c.safetensors").symlink_to(blob)
    assert weights.digest([tmp_path / "c.safetensors"]) == "a" * 12


def test_a_recipe_says_which_weights_it_was_made_with(tiny_pipeline):
    folder, other = str(tiny_pipeline("sd15")), str(tiny_pipeline("sd21"))
    pinned = specs.pinned(Recipe(model=folder))
    assert pinned == Recipe(model=folder, weights=specs.get(folder).weights)
    assert specs.pinned(pinned) == pinned
    assert Recipe.from_query(pinned.to_query()) == pinned
    with pytest.raises(RecipeError, match="made with other weights of sd21") as caught:
        specs.pinned(Recipe(model=other, weights=pinned.weights))
    check_sentence(caught.value)
    assert specs.pinned(Recipe()) == Recipe()  # the built-in model's version is the code's


@pytest.mark.parametrize("lora", ["/none.safetensors", "style", "//host/x.safetensors"])
def test_a_recipe_with_a_lora_that_is_not_there_is_refused(lora, tiny_pipeline):
    with pytest.raises(ValueError, match="LoRA") as caught:
        specs.pinned(Recipe(model=str(tiny_pipeline("sd15")), lora=lora))
    check_sentence(caught.value)


def test_a_recipe_for_another_model_keeps_what_applies(tiny_pipeline):
    folder = str(tiny_pipeline("sdxl_turbo"))
    recipe = Recipe(prompt="a cat", seed=3, steps=20, guidance_stop=0.5)
    made, said = specs.switched(recipe, folder)
    assert (made.prompt, made.seed, made.guidance_stop, made.model) == ("a cat", 3, 0.5, folder)
    assert (made.steps, made.guidance, made.sampler) == (4, 1.0, "euler_a")  # it is distilled
    assert said == [
        "Steps: 4 instead of 20.", "Sampler: euler_a instead of ddim.",
        "Guidance scale w: 1.0 instead of 5.0.",
    ]  # fmt: skip
    back, _ = specs.switched(made, "emoji-world")
    assert back == Recipe(prompt="a cat", seed=3, guidance_stop=0.5)


@pytest.mark.parametrize(
    ("family", "defaults"),
    [
        ("sd15", {"width": 128, "sampler": "dpmpp_2m", "guidance": 7.0}),
        ("lcm", {"sampler": "lcm", "steps": 4}),
        ("flux", {"width": 1024, "steps": 28, "guidance": 3.5}),
        ("flux_schnell", {"width": 1024, "steps": 4, "guidance": 1.0}),
        ("sana", {"width": 128, "steps": 20, "guidance": 4.5}),
    ],
)
def test_a_recipe_begins_with_what_a_model_is_made_for(family, defaults, tiny_pipeline):
    spec = specs.get(str(tiny_pipeline(family)))
    assert defaults.items() <= spec.defaults.items()
    assert Recipe.for_model(spec.name, spec.defaults).width == spec.side
