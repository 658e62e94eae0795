"""The Samplers lens's views with data, in a real browser but without the page."""

import json

import numpy as np
import pytest
from lens import pixels
from viewer import give, mount, slide

from playground.diffusion import forward
from playground.page.guidance.views import toy as clouds
from playground.page.samplers import schedules as samplers_schedules
from playground.page.samplers.views import (
    counting,
    errors,
    lecture,
    mixture,
    noising,
    schedules,
    trajectories,
)
from playground.page.samplers.views.errors import Group, Point, Series
from playground.page.shared.view import data_url
from playground.toys import dropout

GRAY = np.full((8, 8, 3), 128, np.uint8)


def group(label: str, factor: float) -> Group:
    points = [Point(c, c, factor / c, 20 + c, 9.0, 0.001, data_url(GRAY)) for c in (5, 10, 20)]
    more = [Point(c, c, factor / c**2, 20 + c, 9.0) for c in (5, 10, 20)]
    lines = [Series("DDIM", 1, 1.0, points), Series("<b>Heun</b>", 2, 2.0, more)]
    return Group(label, 0.003, lines, f"text of {label}", data_url(GRAY))


def test_errors_are_plotted_on_two_logarithmic_axes(page):
    mount(page, errors.VIEW, errors.chart([group("w = 1", 1.0), group("w = 3", 2.0)], "done"))
    assert page.text_content(".status") == "done"
    dots = page.evaluate(
        "[...document.querySelectorAll('circle')].map(c => [+c.getAttribute('cx'),"
        " +c.getAttribute('cy')])"
    )
    (x5, y5), (x10, y10), (x20, y20) = dots[:3]
    assert x10 - x5 == pytest.approx(x20 - x10)  # 5, 10, 20
    assert y10 - y5 == pytest.approx(y20 - y10)  # 1/5, 1/10, 1/20
    slopes = [(q[1] - p[1]) / (q[0] - p[0]) for p, q in (dots[0:2], dots[3:5])]
    assert slopes[1] == pytest.approx(2 * slopes[0])
    assert "slope −1.0" in page.text_content(".legend")
    assert "<b>Heun</b>" in page.text_content(".legend")  # text, not markup
    assert page.locator(".bound").count() == 1
    page.locator("circle").first.focus()  # by keyboard
    assert "DDIM, 5 steps, 5 calls: latents 0.200 ± 0.001" in page.text_content(".said")
    assert page.is_visible(".shown .exact")
    page.select_option(".groups", "1")
    assert page.text_content(".text") == "text of w = 3"
    page.click(".legend button:nth-child(2)")
    assert page.locator("circle").count() == 3
    page.select_option(".measure", "psnr")
    assert page.locator(".bound").count() == 0


def test_calls_that_most_samplers_made_are_named_first(page):
    made = {"DDIM": (5, 10, 20, 50), "Heun": (5, 9, 19, 49), "UniPC": (10, 20, 50)}
    lines = [
        Series(name, 1, None, [Point(c, c, 1 / c, 20) for c in calls])
        for name, calls in made.items()
    ]
    mount(page, errors.VIEW, errors.chart([Group("w = 1", 0.001, lines, "")], ""))
    named = page.locator("svg .calls").all_text_contents()
    assert sorted(map(int, named)) == [5, 10, 20, 50]


def test_a_message_leaves_the_chart_and_shows_progress(page):
    mount(page, errors.VIEW, errors.chart([group("w = 1", 1.0)], "done"))
    give(page, errors.message("working", 0.25))
    assert page.is_visible(".progress")
    assert page.locator("circle").count() == 6
    assert page.is_hidden(".groups-box")
    give(page, errors.message("<img src=x onerror=boom()>", error=True))
    assert page.text_content(".status") == "<img src=x onerror=boom()>"
    assert page.is_hidden(".progress")


@pytest.mark.parametrize("view", [counting, errors, lecture, noising, clouds])
def test_a_sentence_has_a_bar_while_work_is_done(page, view):
    mount(page, view.VIEW, view.message("working", 0.25))
    assert page.text_content(".status") == "working"
    ratio = "querySelector('.bar').offsetWidth / document.querySelector('.progress').offsetWidth"
    assert page.evaluate("document." + ratio) == pytest.approx(0.25, abs=0.01)
    give(page, view.message("none of it is done", 0.0))
    assert page.is_visible(".progress")
    give(page, view.message("failed", error=True))
    assert page.is_hidden(".progress")
    assert page.text_content(".status.error") == "failed"
    give(page, view.stopped())
    assert page.locator(".status.error").count() == 0


@pytest.mark.parametrize("view", [counting, errors, lecture, noising, clouds])
def test_what_was_on_its_way_when_stopped_is_not_shown(page, view):
    mount(page, view.VIEW, view.message("working", 0.25))
    give(page, view.stopped())
    said = page.text_content(".status")
    give(page, view.message("still working", 0.5))
    assert page.text_content(".status") == said
    assert page.is_hidden(".progress")
    for share in (0.0, 0.5):  # a new run
        give(page, view.message(f"working anew: {share}", share))
        assert page.text_content(".status") == f"working anew: {share}"


def test_paths_are_scrubbed_and_hidden(page):
    bent = np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 1.0]])
    path = trajectories.Trajectory
    paths = {n: [path("DDIM", bent * n), path("Euler a", bent, True)] for n in (1, 2)}
    mount(page, trajectories.VIEW, trajectories.plane(paths, bent, 0.873))
    assert "87 %" in page.text_content(".text")
    assert "Euler a (fresh noise), 2 calls" in page.text_content(".legend")
    whole = pixels(page, ".plane")
    slide(page, ".moment", 0.3)
    assert (pixels(page, ".plane") != whole).any()
    slide(page, ".moment", 1)
    page.click(".legend button:first-child")
    assert (pixels(page, ".plane") != whole).any()
    slide(page, ".calls", 0)
    assert page.text_content(".calls-out") == "1"
    page.click(".play")
    page.wait_for_function("document.querySelector('.moment-out').textContent !== '100 %'")


def test_the_two_rows_are_scrubbed_together(page):
    urls = [data_url(np.full((4, 4, 3), v, np.uint8)) for v in range(0, 240, 20)]
    columns = [counting.Column(n, *urls[3 * i : 3 * i + 3]) for i, n in enumerate((1, 2, 4))]
    mount(page, counting.VIEW, counting.finished(columns, "3 runs"))
    slide(page, ".at", 2)
    assert page.get_attribute(".way", "src") == urls[7]
    assert page.get_attribute(".full", "src") == urls[8]
    assert page.text_content(".way-said") == "A run of 4 steps, after 4 of them"
    page.select_option(".which", "stopped")
    assert page.get_attribute(".way", "src") == urls[6]
    page.click(".strip button:first-child")
    assert page.text_content(".at-out") == "1 of 4"
    assert page.text_content(".full-said") == "A run of 1 step, finished"


def test_noise_is_mixed_as_in_python(page, tiny):
    rng = np.random.default_rng(0)
    latents, noise = rng.standard_normal((2, 4, 8, 8)).astype(np.float32)
    colours = rng.standard_normal((5, 3)).astype(np.float32) * 0.3
    levels = forward.training_levels(tiny.scheduler_config)
    decoded = {0: GRAY, 500: GRAY // 2}
    value = noising.finished(latents, noise, colours, levels, decoded, "yours")
    mount(page, noising.VIEW, value)
    for t in (0, 321, 999):
        slide(page, ".time", t)
        mixed = levels[t].mix(latents, noise)
        expected = (np.moveaxis(mixed, 0, -1) @ colours[:4] + colours[4]).clip(-1, 1)
        found = pixels(page, ".mixed").astype(float) / 127.5 - 1
        np.testing.assert_allclose(found, expected, atol=1 / 127)
    slide(page, ".time", 300)
    assert page.text_content(".decoded-said") == "decoded, at t = 500"
    ratio = 1 / levels[300].sigma ** 2
    assert f"that is {10 * np.log10(ratio):.1f} dB" in page.text_content(".said")


def test_noise_is_mixed_by_the_levels_of_rectified_flow_too(page):
    """x = (1 − σ)·x0 + σ·ε, and the last timestep is noise alone."""
    latents, noise = np.ones((4, 2, 2), np.float32), np.full((4, 2, 2), -1, np.float32)
    colours = np.zeros((5, 3), np.float32)
    colours[0] = 0.5
    levels = forward.training_levels({"_class_name": "FlowMatchEulerDiscreteScheduler",
                                      "num_train_timesteps": 10})  # fmt: skip
    value = noising.finished(latents, noise, colours, levels, {10.0: GRAY}, "yours")
    mount(page, noising.VIEW, value)
    for at, expected in ((9, -0.5), (4, 0.0), (1, 0.3)):
        slide(page, ".time", at)
        assert page.text_content(".time-out") == str(at + 1)
        found = pixels(page, ".mixed").astype(float) / 127.5 - 1
        np.testing.assert_allclose(found, expected, atol=1 / 127)
    slide(page, ".time", 9)
    assert "1.000 of the noise" in page.text_content(".said")


def test_long_runs_show_a_preview_and_then_the_picture(page):
    now = lecture.lane("DDPM, 1000 steps", 3, 1000, 1.234, GRAY)
    mount(page, lecture.VIEW, lecture.lanes([lecture.ended("DDIM", 50, 2.0, GRAY), now], "on", 0.1))
    assert page.locator("img").count() == page.locator("canvas").count() == 1
    assert "3 of 1000 network calls, 1.2 s" in page.text_content(".lanes")
    give(page, lecture.stopped())
    assert page.text_content(".status") == "Stopped."
    assert page.locator("figure").count() == 2


@pytest.fixture
def shipped_grids() -> dict:
    return json.loads(samplers_schedules.ASSET.read_text())


def test_the_effective_list_is_printed(page, shipped_grids):
    mount(page, schedules.VIEW, shipped_grids["schedules"])
    slide(page, ".steps", 5)
    lists = page.locator(".list tr").all_inner_texts()
    assert lists[1].split() == ["t", "999", "799", "599", "399", "199", "–"]
    assert "DDIM" in page.text_content(".about")
    rows = page.locator(".rows button")
    assert rows.count() == len(shipped_grids["schedules"]["kinds"])
    rows.nth(3).click()
    assert "2M Karras" in page.text_content(".about")
    assert page.locator(".rows button[aria-pressed=true] .tick").count() == 5
    page.select_option(".axis", "sigma")
    ticks = page.evaluate(
        "[...document.querySelectorAll('.rows button:nth-child(5) .tick')]"
        ".map(t => +t.getAttribute('x1'))"
    )
    assert np.diff(ticks) == pytest.approx(
        np.diff(ticks)[0], rel=0.01
    )  # exponential: even in log σ


def test_the_plane_answers_every_slider_at_once(page, shipped_grids):
    kinds = shipped_grids["schedules"]["kinds"][:6]
    methods = [(name, name, name in ("euler_a", "dpmpp_2m_sde")) for name in mixture.METHODS]
    value = mixture.plane(methods=methods, kinds=kinds, **shipped_grids["plane"])
    mount(page, mixture.VIEW, value)
    assert page.locator("figure").count() == 4
    assert value["spread"] == dropout.SPREAD
    notes = page.locator("figcaption span")
    before = notes.first.text_content()
    slide(page, ".steps", 30)
    assert notes.first.text_content().startswith("30 calls")
    assert notes.first.text_content() != before
    slide(page, ".eta", 1)
    assert "fresh noise" in notes.first.text_content()
    frame = pixels(page, "figure:nth-child(1) canvas")
    assert (frame == pixels(page, "figure:nth-child(2) canvas")).all()  # η = 1 is Euler ancestral
    slide(page, ".scale", 9)
    assert (pixels(page, "figure:nth-child(1) canvas") != frame).any()
    page.select_option(".spacing", label="Align Your Steps")
    assert page.text_content(".steps-out") == "10"
    assert page.is_disabled(".steps")
    page.click(".methods button:text-is('unipc')")
    assert page.locator("figure").count() == 5
    for name in ("ddim", "euler_a", "heun", "dpmpp_2m"):
        page.click(f".methods button:text-is('{name}')")
    assert page.locator("figure").count() == 1
    page.click(".methods button:text-is('unipc')")  # the last one stays
    assert page.locator("figure").count() == 1
    page.select_option(".spacing", "0")
    spent = page.evaluate(
        """() => { const s = document.querySelector('.scale'), from = performance.now();
        for (let i = 0; i < 10; i++) { s.value = i / 2; s.dispatchEvent(new Event('input')); }
        return (performance.now() - from) / 10; }"""
    )
    assert spent < 500  # about 20 ms on a free core
