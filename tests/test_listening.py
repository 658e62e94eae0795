"""Word maps of the shipped model land on the named things."""

from playground.training.pointing import COMBINED, pointing_game


def test_the_brightest_pixel_of_a_nouns_map_lies_on_the_noun(shipped):
    """Against the same maps with the masks of other nouns, which is what chance would find."""
    found = pointing_game(shipped, 40)
    assert found[COMBINED] > found["chance"] + 0.3
