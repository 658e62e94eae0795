"""Word maps of the shipped model land on the named things, as its card says."""

from playground.attention.heatmaps import Aggregation
from playground.measuring import docs, ways
from playground.measuring.attending import measure
from playground.measuring.named import in_scenes
from playground.models import specs
from playground.wording import wilson


def test_the_brightest_pixel_of_a_nouns_map_lies_on_the_noun(shipped):
    """Within three standard errors of the card; not so with the maps of other words."""
    card = specs.get(shipped.name).card
    said = card["attention"]["rows"]["ours"]["scenes"]["noun"]["pointing"]
    way, samples = ways.ours("ours", Aggregation.of(card)), list(in_scenes(shipped, 40))
    found = measure(samples, way)["noun"]
    assert found["pointing"] > wilson(said, found["count"], z=3)[0]
    assert measure(samples, way, shuffled=True)["noun"]["pointing"] < said / 2


def test_the_documents_take_their_row_from_the_card():
    def row(*found):
        return {
            source: {"noun": {"pointing": share, "count": 200}}
            for source, share in zip(("scenes", "pictures"), found, strict=True)
        }

    rows = {"ours": row(0.985, 0.98), "ours, maps of other words": row(0.06, 0.045)}
    assert docs.pointing({"attention": {"rows": rows}}) == (
        "99 % of 200 in scenes (maps of other words 6 %), "
        "98 % of 200 in pictures (maps of other words 5 %)"
    )
    assert docs.pointing({}) == "not measured yet"
