"""The way of summing maps to one a word: products, edges, and the same numbers in the browser."""

import json

import pytest
import torch

from playground.attention import heatmaps
from playground.attention.heatmaps import Aggregation
from playground.models.words import Word
from playground.page.shared.view import SHARED, chips

WORDS = [Word("a", 0, 1, (1,)), Word("b", 2, 3, (2,))]


def columns(first, second, size):
    return torch.stack([torch.full(size, v) for v in (0.9, first, second, 0.05)])


def test_a_product_of_grids_by_hand():
    """At 2×4 the first word has 3/4, at 1×2 a half: 0.75² · 0.5 against 0.25² · 0.5."""
    maps = {(1, 2): columns(0.2, 0.2, (1, 2)), (2, 4): columns(0.3, 0.1, (2, 4))}
    found = heatmaps.combined(maps, WORDS, Aggregation(weights=(2.0, 1.0)))
    torch.testing.assert_close(found[0], torch.full((2, 4), 0.9))
    torch.testing.assert_close(found.sum(0), torch.ones(2, 4))


def test_a_grid_without_weight_does_not_count_and_missing_grids_give_theirs_to_the_coarsest():
    maps = {(1, 1): columns(0.0, 0.4, (1, 1)), (2, 4): columns(0.3, 0.1, (2, 4))}
    found = heatmaps.combined(maps, WORDS, Aggregation(weights=(1.0, 0.0)))
    torch.testing.assert_close(found[0], torch.full((2, 4), 0.75))
    alone = heatmaps.combined({(2, 4): maps[2, 4]}, WORDS, Aggregation(weights=(0.5, 1.5)))
    torch.testing.assert_close(alone[0], torch.full((2, 4), 0.9))
    assert heatmaps.combined(maps, []).shape[0] == 0


def test_only_settled_calls_count_and_a_short_run_has_its_last():
    how = Aggregation(latest=400)
    assert how.settled([900.0, 400.0, 399.0, 0.0]) == [1, 2, 3]
    assert how.settled([900.0, 500.0]) == [1]
    early, late = ({(2, 4): columns(a, 0.4 - a, (2, 4))} for a in (0.4, 0.1))
    found = heatmaps.of_run([early, late], [900.0, 100.0], WORDS, Aggregation(400, (1.0,)))
    torch.testing.assert_close(found[0], torch.full((2, 4), 0.25))


def test_the_recipe_comes_from_the_card_as_it_was_written():
    how = Aggregation(200, (0.5, 1.0), 0.0)
    card = json.loads(json.dumps({"attention": {"recipe": vars(how)}}))
    assert Aggregation.of(card) == how
    assert Aggregation.of({}) == Aggregation()


def scene() -> tuple[torch.Tensor, torch.Tensor]:
    """A red disc on blue, wide, and a coarse map that is bright around its middle."""
    y, x = torch.meshgrid(torch.arange(64), torch.arange(128), indexing="ij")
    disc = (y - 30) ** 2 + (x - 70) ** 2 < 18**2
    picture = torch.where(
        disc[..., None], torch.tensor([0.9, 0.1, 0.1]), torch.tensor([0.1, 0.2, 0.8])
    )
    maps = torch.zeros(1, 4, 8)
    maps[0, 1:3, 4] = 1.0
    maps[0, 1, 5] = 0.4
    return picture, torch.cat([maps, 1 - maps])


def guided_by_loops(p: torch.Tensor, guide: torch.Tensor, r: int, places) -> list[float]:
    """He et al. 2010, eq. 19-21, window by window, at some places."""
    h, w = p.shape

    def window(y, x):
        return slice(max(y - r, 0), y + r + 1), slice(max(x - r, 0), x + r + 1)

    def line(y, x):
        at = window(y, x)
        colours, values = guide[at].reshape(-1, 3).double(), p[at].flatten().double()
        middle = colours.mean(0)
        spread = (colours - middle).T @ (colours - middle) / len(values) + 1e-3 * torch.eye(3)
        slope = torch.linalg.solve(
            spread, (colours - middle).T @ (values - values.mean()) / len(values)
        )
        return slope, values.mean() - slope @ middle

    found = []
    for y, x in places:
        ys, xs = window(y, x)
        lines = [line(j, i) for j in range(*ys.indices(h)) for i in range(*xs.indices(w))]
        slope, offset = (torch.stack(part).mean(0) for part in zip(*lines, strict=True))
        found.append(float((slope @ guide[y, x].double() + offset).clamp(0, 1)))
    return found


def test_the_guided_filter_is_the_papers():
    picture = torch.rand(12, 20, 3, generator=torch.Generator().manual_seed(0))
    maps = torch.rand(2, 3, 5, generator=torch.Generator().manual_seed(1))
    found = heatmaps.along_edges(maps, picture, 0.1)  # 2 pixels
    places = [(0, 0), (6, 10), (11, 19), (3, 17)]
    for k, p in enumerate(heatmaps.upsample(maps, (12, 20))):
        expected = guided_by_loops(p, picture, 2, places)
        assert [float(found[k, y, x]) for y, x in places] == pytest.approx(expected, abs=1e-5)


def test_maps_follow_edges_and_still_sum_to_one():
    picture, maps = scene()
    disc = picture[..., 0] > 0.5
    plain = heatmaps.upsample(maps, (64, 128))
    found = heatmaps.along_edges(maps, picture, 0.125)
    torch.testing.assert_close(found.sum(0), torch.ones(64, 128), atol=1e-5, rtol=0)
    assert heatmaps.iou(found[0], disc) > heatmaps.iou(plain[0], disc) + 0.2
    flat = torch.full((64, 128, 3), 0.5)  # nothing to follow: only smoother
    assert heatmaps.along_edges(maps, flat, 0.02).max() <= plain.max()


def test_function_words_are_left_out_of_a_ranking():
    words = [Word(text, 0, 0, ()) for text in ("A", "cat", "the", "beach")]
    maps = torch.tensor([0.5, 0.1, 0.1, 0.3])[:, None, None].expand(4, 1, 2)
    found = heatmaps.of_content(maps, words)[:, 0, 0]
    torch.testing.assert_close(found, torch.tensor([0, 0.25, 0, 0.75]))
    torch.testing.assert_close(heatmaps.of_content(maps[::2], words[::2]), maps[::2])


def test_the_browser_ranks_content_words(browser):
    page = browser.new_page()
    js = SHARED.read_text(encoding="utf-8") + "; return ranked(words, shares);"

    def ranked(*words: tuple[str, float]) -> dict:
        said = chips([Word(text, 0, 0, ()) for text, _ in words])
        return page.evaluate(
            "([js, words, shares]) => new Function('words', 'shares', js)(words, shares)",
            [js, said, [share for _, share in words]],
        )

    found = ranked(("A", 0.5), ("cat", 0.1), ("a", 0.1), ("beach", 0.3))
    assert found["rows"] == [["beach", pytest.approx(0.75)], ["cat", pytest.approx(0.25)]]
    assert found["aside"] == "Without “a”, which got 60 % here."
    assert ranked(("the", 0.4), ("a", 0.6)) == {"rows": [["a", 0.6], ["the", 0.4]], "aside": ""}
    assert ranked(("cat", 1.0)) == {"rows": [["cat", 1]], "aside": ""}
    page.close()


def test_the_browser_computes_the_same_numbers(browser):
    picture, maps = scene()
    shares = {(4, 8): maps, (2, 4): torch.tensor([[[0.2, 0.6, 0.7, 0.1], [0.1, 0.5, 0.4, 0.3]]])}
    shares[2, 4] = torch.cat([shares[2, 4], 1 - shares[2, 4]])
    product = heatmaps.product(shares, (0.75, 1.0, 0.5))
    expected = heatmaps.along_edges(product, picture, 0.125)
    page = browser.new_page()
    parts = [
        {"h": h, "w": w, "maps": [m.flatten().tolist() for m in s]} for (h, w), s in shares.items()
    ]
    rgb = (picture * 255).round().int().flatten().tolist()
    found = page.evaluate(
        SHARED.read_text(encoding="utf-8")
        + """;([parts, rgb]) => {
          const picture = Object.assign(document.createElement('canvas'), {
            width: 128, height: 64 });
          const data = new ImageData(128, 64);
          for (let i = 0; i < 128 * 64; i++)
            data.data.set([...rgb.slice(3 * i, 3 * i + 3), 255], 4 * i);
          picture.getContext('2d').putImageData(data, 0, 0);
          const both = product(parts, [0.75, 1.0, 0.5]), fine = alongEdges(both, picture, 0.125);
          return [both, fine].map((m) => m.maps.map((map) => [...map]));
        }""",
        [parts, rgb],
    )
    page.close()
    for ours, theirs in zip((product, expected), found, strict=True):
        theirs = torch.tensor(theirs).view_as(ours)
        torch.testing.assert_close(theirs, ours, atol=5e-3, rtol=0)  # the page's colours are bytes
