"""The terms are explained once, in plain sentences, and the document is made from them."""

import pytest

from playground.page import glossary

TERMS = [term for terms in glossary.GROUPS.values() for term in terms]


def test_the_document_is_the_table():
    assert glossary.DOCUMENT.read_text() == glossary.document(), (
        "write it again: python -m playground.page.glossary"
    )


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.name)
def test_every_term_has_one_sentence(term):
    assert term.sentence[-1] in ".?"
    assert ". " not in term.sentence
    assert term.sentence[0] == term.sentence[0].upper() or term.sentence.startswith("pred_x0")
    assert len(term.sentence) < 200


def test_no_term_is_explained_twice():
    assert len(glossary.TERMS) == len(TERMS)


def test_an_unknown_term_is_refused_with_the_names_there_are():
    assert glossary.get("NFE").sentence.startswith("Number of function evaluations")
    with pytest.raises(glossary.UnknownTermError, match=r"'nfe'.*latents.*tick"):
        glossary.get("nfe")
