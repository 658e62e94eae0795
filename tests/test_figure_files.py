"""Figures and tables to keep hold what the page shows."""

import base64
import functools
import io
import re

import numpy as np
import pytest
from PIL import Image
from viewer import mount, table_of

from playground.models import specs
from playground.page.figures import charts, files, keeping, measures, pictures
from playground.page.guidance import measured as guidance
from playground.page.samplers import measured as samplers
from playground.page.samplers.views import errors
from playground.page.shared import curves, tradeoff
from playground.wording import wilson

CARD = specs.get("emoji-world").card
GROUP = samplers.measured(CARD["solvers"])["groups"][-1]


def texts(svg: bytes) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg.decode())


def test_a_chart_of_errors_names_every_sampler_with_its_slope():
    svg = files.content(charts.errors(errors.group_of(GROUP), "latents"), "svg")
    said = " ".join(texts(svg))
    for line in GROUP["series"]:
        assert f"{line['label']}, slope −{line['slope']:.1f}" in said
    assert "w = 7.5" in said
    assert b"<dc:date>" not in svg


def test_curves_are_the_cards_numbers_with_their_intervals():
    panels = guidance.panels(CARD["variants"])
    assert sum(len(panel.points) for panel in panels) == len(CARD["variants"])
    row = CARD["variants"][3]
    point = panels[0].points[3]
    low, high = wilson(row["lenient"], row["count"])
    assert point.values["lenient"] == curves.Value(row["lenient"], low, high)
    assert point.values["diversity"] == curves.Value(row["diversity"])
    figure = measures.figure(panels, guidance.MEASURES, {"measure": "lenient"})
    assert [axes.get_title() for axes in figure.axes] == [panel.label for panel in panels]
    drawn = figure.axes[0].lines[0].get_ydata()
    np.testing.assert_array_equal(drawn, [p.values["lenient"].value for p in panels[0].points])


def small():
    tile = pictures.Tile(np.full((8, 8, 3), 200, np.uint8), "$8 calls")
    return pictures.grid(["a"], ["one", "two"], [[tile, pictures.Tile(None)]], "$ and _")


@pytest.mark.parametrize("kind", files.KINDS)
def test_a_figure_is_a_file_of_its_kind(kind):
    begins = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[kind]
    content, again = (files.content(small(), kind) for _ in range(2))
    assert content.startswith(begins)
    assert content == again  # nothing of the clock is in it


def test_a_sheet_of_word_maps_names_the_words_and_has_a_bar_for_each():
    maps = np.linspace(0, 0.5, 2 * 16).reshape(2, 4, 4)
    picture = np.zeros((16, 16, 3), np.uint8)
    figure = pictures.word_maps(picture, ["cat", "$hat_"], maps, "“a cat”", "colour")
    assert [axes.get_title() for axes in figure.axes if axes.get_title()] == ["cat", "$hat_"]
    assert len(figure.axes) == 4
    assert Image.open(io.BytesIO(files.content(figure, "png"))).width > 300


HOSTILE = [
    {}, {"kind": "exe"}, {"kind": []}, {"kind": "svg"}, {"kind": "svg", "measure": []},
    {"kind": "svg", "measure": "latents", "group": [1]},
    {"kind": "svg", "measure": "latents", "group": GROUP | {"bound": "x"}},
    {"kind": "svg", "measure": "latents", "group": GROUP | {"series": GROUP["series"] * 20}},
    {"kind": "svg", "measure": "latents", "group": GROUP | {"series": [{"label": 1}]}},
]  # fmt: skip


@pytest.mark.parametrize("ask", HOSTILE, ids=range(len(HOSTILE)))
def test_what_a_browser_asks_for_is_a_file_or_a_sentence(ask):
    assert set(keeping.kept(ask, samplers.figure, "x")) == {"text"}
    shown = [guidance.over_w(CARD["guidance"])]
    draw = functools.partial(measures.figure, shown, tradeoff.COLUMNS)
    assert set(keeping.kept(ask, draw, "x")) == {"text"}


def test_the_browser_hands_back_what_can_be_drawn(page):
    mount(page, errors.VIEW, errors.chart([errors.group_of(GROUP)], "") | {"kind": "chart"})
    page.evaluate("() => { window.trigger = (name, ask) => { window.asked = ask; }; }")
    page.click("[data-figure=svg]")
    ask = page.evaluate("() => window.asked")
    sent = keeping.kept(ask, samplers.figure, "errors")
    assert sent["name"] == "errors.svg"
    assert "DDIM, slope −1.1" in " ".join(texts(base64.b64decode(sent["content"])))


def test_tables_are_saved_as_csv(page):
    mount(page, tradeoff.VIEW, guidance.measured(CARD["guidance"]))
    heading, first, *rest = table_of(page)
    assert heading == "w,asked-for is there,… and nothing else,diversity,saturation"
    row = CARD["guidance"][0]
    assert first == f"0,{row['lenient']:g},{row['strict']:g},{row['diversity']},{row['saturation']}"
    assert len(rest) == len(CARD["guidance"]) - 1


def test_curves_say_their_numbers_by_keyboard_and_as_csv(page):
    panels = guidance.panels(CARD["variants"])
    mount(page, curves.VIEW, curves.chart(panels, guidance.MEASURES, "said", "all"))
    assert page.locator("svg circle").count() == len(CARD["variants"])
    page.locator("svg circle").nth(4).focus()
    assert "Guidance from 0.8: asked-for is there" in page.text_content(".said")
    assert "95 % interval" in page.text_content(".said")
    page.select_option(".measure", "2")
    assert page.locator("svg .band").count() == 0  # no interval of diversity is known
    assert len(table_of(page)) == 1 + len(CARD["variants"])
    assert page.is_visible(".choice")
    assert page.get_attribute(".csv", "download") == "all.csv"


def test_one_field_is_a_chart_of_every_measure(page):
    rows = CARD["guidance"]
    chart = curves.chart([guidance.over_w(rows, "5")], tradeoff.COLUMNS, "", "w", figures=False)
    mount(page, curves.VIEW, chart)
    names = [column.label for column in tradeoff.COLUMNS]
    captions = page.locator("figcaption").all_text_contents()
    assert captions == [column.label + column.help for column in tradeoff.COLUMNS]
    assert page.locator("svg .band").count() == 2  # of the two shares of pictures
    assert page.locator("circle.usual").count() == len(names)
    assert page.is_hidden(".choice")
    assert page.is_hidden(".offline")
    page.locator("svg >> nth=1").locator("circle").last.focus()
    assert page.text_content(".said").startswith("Guidance scale w 25: … and nothing else ")
    assert len(table_of(page)) == 1 + len(rows)
    figure = measures.figure([guidance.over_w(rows)], tradeoff.COLUMNS, {"measure": "lenient"})
    assert [axes.get_title() for axes in figure.axes] == names


def test_samplers_with_fresh_noise_are_curves_against_calls():
    rows = CARD["solvers"]["stochastic"]
    panels = samplers.fresh(CARD["solvers"])
    assert sum(len(panel.points) for panel in panels) == len(rows)
    assert panels[0].label.startswith("DDPM")
    point, row = panels[0].points[0], rows[0]
    assert point.at == row["calls"]
    middle, spread = row["diversity"], 1.96 * row["diversity_error"]
    assert point.values["diversity"] == curves.Value(middle, middle - spread, middle + spread)


def test_a_table_beside_its_charts_is_closed_until_it_is_opened(page):
    table = guidance.measured(CARD["guidance"])
    mount(page, tradeoff.VIEW, tradeoff.folded(table))
    assert page.is_hidden("table")
    page.click(".name")
    page.evaluate("(value) => give(value)", tradeoff.folded(table))
    assert page.is_visible("table")  # as the visitor left it
    page.evaluate("(value) => give(value)", table)
    assert page.is_hidden(".name")
    assert page.is_visible("table")
