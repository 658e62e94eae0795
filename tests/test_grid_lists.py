"""Lists of numbers as they are typed: one table for every field of the page."""

import pytest

from playground.page import listed
from playground.recipe import RecipeError

READ = {
    "": [],
    " , ;; ": [],
    "5": [5],
    "0, 1, 2.5": [0, 1, 2.5],
    "0 1 2": [0, 1, 2],
    "0,1,2": [0, 1, 2],
    "1;2\n3 , ": [1, 2, 3],
    "30 0.5 1e0 1e-1": [30, 0.5, 1, 0.1],
    "0,5; 1,5": [0.5, 1.5],
    "0,5;1,5; 2": [0.5, 1.5, 2],
    "0,5;": [0.5],
    "-1": [-1],
    "−1; -2": [-1, -2],
    "1-4": [1, 2, 3, 4],
    "1 - 4": [1, 2, 3, 4],
    "1–4": [1, 2, 3, 4],
    "1 … 4": [1, 2, 3, 4],
    "1..4": [1, 2, 3, 4],
    "4-1": [4, 3, 2, 1],
    "1 -4": [1, -4],
    "-2--1": [-2, -1],
    "1-10 (+3)": [1, 4, 7, 10],
    "1-10(+4)": [1, 5, 9],
    "10-1 (-3)": [10, 7, 4, 1],
    "1-10 [4]": [1, 4, 7, 10],
    "0-1 [5]": [0, 0.25, 0.5, 0.75, 1],
    "0-1 (+0.1)": [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1],
    "0-1 (+0,5)": [0, 0.5, 1],
    "0,5-2 (+0,5);": [0.5, 1, 1.5, 2],
    "1-3, 7, 10-20 [3]": [1, 2, 3, 7, 10, 15, 20],
}
REFUSED = {
    "0,5": "write 0.5 or 0, 5",
    "0,5 1,5": "could be one number or two",
    "0,5-2": "could be one number or two",
    "1-2,5": "could be one number or two",
    "1, two": "“two” in the list is not a number",
    "NaN": "“NaN” in the list is not a number",
    "inf": "“inf” in the list is not a number",
    "1e999": "“1e999” in the list is too large",
    "1_000": "“1_000” in the list is not a number",
    "١": "“١” in the list is not a number",
    "1-": "“1-” in the list is not a number",
    "1-2-3": "“1-2-3” in the list is not a number",
    "1-10 (+0)": "come to no end",
    "1-10 [1]": "2 to 256 values",
    "1-10 [99999999999]": "2 to 256 values",
    "1-1e9": "values; that is too many",
    "1-1e99999999": "too large or too small for a range",
    "1-1e" + "9" * 400: "too large or too small for a range",
    "1e-" + "9" * 20 + "-1": "too large or too small for a range",
    "1-2 (+1e-99999999)": "too large or too small for a range",
    "1-2 [" + "9" * 5000 + "]": "a range has 2 to",
    "1-10 (+1e-9)": "too many",
    "1-5 (+": "is not a number",
    "<script>": "“<script>” in the list",
}


@pytest.mark.parametrize("text", READ)
def test_what_a_list_means(text):
    assert listed.numbers(text) == READ[text]


@pytest.mark.parametrize("text", REFUSED)
def test_what_has_no_clear_meaning_is_one_sentence(text):
    with pytest.raises(RecipeError) as caught:
        listed.numbers(text)
    assert REFUSED[text] in str(caught.value)
    assert str(caught.value).endswith(".")


def test_between_whole_numbers_every_comma_separates():
    assert listed.numbers("4,8", whole=True) == [4, 8]
    assert listed.numbers("1,5-7", whole=True) == [1, 5, 6, 7]
    assert listed.numbers("1-10 [3]", whole=True) == [1, 6, 10]
    assert listed.numbers("1;2,3", whole=True) == [1, 2, 3]
