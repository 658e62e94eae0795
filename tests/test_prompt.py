"""Prompts as streams of tokens: roles from masks, words over several text encoders, edits."""

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from playground.attention import editing, heatmaps
from playground.models import encode
from playground.models.prompt import CONTENT, END, PADDING, START, Prompt, Stream, word_columns
from playground.world.tokens import new_tokenizer

WORDS = ["a", "red", "cat", "dog", "on", "grass", ",", "sun", "glasses"]


def without_start(length: int = 12) -> PreTrainedTokenizerFast:
    """Like T5's: no start token, one end token, padding of its own, pieces of words."""
    vocab = {"<pad>": 0, "</s>": 1, "<unk>": 2} | {w: i for i, w in enumerate(WORDS, 3)}
    vocab |= {"##glasses": len(vocab)}
    raw = Tokenizer(models.WordPiece(vocab, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    raw.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="<pad>", eos_token="</s>", unk_token="<unk>",
        model_max_length=length,
    )  # fmt: skip


def prompt_of(text: str, *tokenizers) -> Prompt:
    streams = [encode.stream_of(t, text, str(i)) for i, t in enumerate(tokenizers)]
    parts = [
        encode.words_of(t, text, stream)[0] for t, stream in zip(tokenizers, streams, strict=True)
    ]
    embeds = torch.zeros(1, sum(len(s.ids) for s in streams), 4)
    return Prompt(text, tuple(streams), encode.joined(parts, streams), embeds)


def test_a_stream_without_a_start_token():
    stream = encode.stream_of(without_start(), "a cat on sunglasses", "T5")
    assert stream.roles == (*[CONTENT] * 5, END, *[PADDING] * 6)
    assert stream.names == ("a", "cat", "on", "sun", "##glasses", "</s>")
    assert stream.columns == (0, 1, 2, 3, 4, 5, 6, 6, 6, 6, 6, 6)


def test_padding_with_the_end_token_is_padding_all_the_same():
    """As CLIP's tokenizer does: only the mask tells them apart."""
    tokenizer = new_tokenizer()
    tokenizer.pad_token = tokenizer.eos_token
    stream = encode.stream_of(tokenizer, "a cat", "CLIP")
    assert stream.roles[:5] == (START, CONTENT, CONTENT, END, PADDING)
    assert stream.roles.count(PADDING) == 73


@pytest.mark.parametrize("text", ["", "a cat", "a " * 30])
@pytest.mark.parametrize("make", [new_tokenizer, without_start], ids=["CLIP", "T5"])
def test_every_stream_has_one_end_and_its_full_length(text, make):
    tokenizer = make()
    stream = encode.stream_of(tokenizer, text, "x")
    assert len(stream.ids) == tokenizer.model_max_length
    assert stream.roles.count(END) == 1
    assert stream.roles.count(START) == (tokenizer.bos_token is not None)


def test_a_word_of_two_pieces_has_two_tokens_and_cut_words_none():
    tokenizer = without_start(length=5)
    stream = encode.stream_of(tokenizer, "red sunglasses a cat on grass", "T5")
    words, cut = encode.words_of(tokenizer, "red sunglasses a cat on grass", stream)
    assert [(w.text, w.tokens) for w in words] == [
        ("red", (0,)),
        ("sunglasses", (1, 2)),
        ("a", (3,)),
    ]
    assert cut == ("cat", "on", "grass")


def test_a_word_has_tokens_in_both_streams_and_columns_of_both():
    """SD3's order: all of CLIP's tokens, padding included, then all of T5's."""
    prompt = prompt_of("a sunglasses", new_tokenizer(), without_start())
    a, worn = prompt.words
    assert a.tokens == (1, 77)
    assert worn.tokens == (2, 78, 79)
    # CLIP's columns: start, two tokens, end, padding; T5's begin at 5
    assert a.columns == (1, 5)
    assert worn.columns == (2, 6, 7)
    assert prompt.roles == (
        START, CONTENT, CONTENT, END, PADDING, CONTENT, CONTENT, CONTENT, END, PADDING,
    )  # fmt: skip
    assert len(prompt.columns) == 77 + 12
    assert prompt.columns[[0, 3, 4, 76, 77, 80, 81, 88]].tolist() == [0, 3, 4, 4, 5, 8, 9, 9]


def test_maps_of_words_sum_over_both_streams():
    prompt = prompt_of("a sunglasses", new_tokenizer(), without_start())
    token_map = torch.arange(10.0)[:, None, None].expand(-1, 2, 3)
    maps = heatmaps.of_words(token_map, prompt.words)
    assert maps[:, 0, 0].tolist() == [1 + 5, 2 + 6 + 7]


def test_tokens_of_a_word_share_a_column():
    prompt = prompt_of("a cat, sunglasses", without_start())
    # words 1 a, 2 cat, 3 sunglasses; 4 between, 5 end, 6 padding; no start token
    assert word_columns(prompt).tolist() == [1, 2, 4, 3, 3, 5, *[6] * 6]


@pytest.mark.parametrize(
    "tokenizers", [(without_start,), (new_tokenizer, without_start)], ids=["one", "two"]
)
def test_editing_needs_no_start_token_and_takes_two_streams(tokenizers):
    made = [make() for make in tokenizers]
    source, more = prompt_of("a cat on grass", *made), prompt_of("a red cat on grass", *made)
    plan = editing.refine(source, more, share=1.0)
    first = 0
    for here, there in zip(source.streams, more.streams, strict=True):
        aligned = plan.source_of[first : first + len(there.ids)].tolist()
        new = [i for i, a in enumerate(aligned) if a == editing.NEW]
        assert [there.names[i] for i in new] == ["red"]
        for i, a in enumerate(aligned):
            if a != editing.NEW:
                mine = a - first
                assert there.roles[i] == here.roles[mine]
                assert there.ids[i] == here.ids[mine]
        first += len(there.ids)
    swapped = prompt_of("a dog on grass", *made)
    assert editing.swap(source, swapped, 1.0).source_of.tolist() == list(range(len(source.ids)))


def test_a_streams_columns_follow_its_roles():
    stream = Stream("x", (9, 8, 7, 0, 0), ("s", "w", "e"), (START, CONTENT, END, PADDING, PADDING))
    assert stream.columns == (0, 1, 2, 3, 3)
    full = Stream("x", (9, 8, 7), ("s", "w", "e"), (START, CONTENT, END))
    assert full.columns == (0, 1, 2)
