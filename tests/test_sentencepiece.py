"""Tokenizers of some families (PixArt-Sigma) are only a sentencepiece model: they can be read."""

import io
import json

import sentencepiece
from transformers import T5TokenizerFast

TEXT = [f"a {color} cat and a dog number {i}" for i in range(40) for color in ("red", "blue")]


def test_a_tokenizer_of_a_sentencepiece_model_alone_is_read(tmp_path):
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT), model_writer=made, vocab_size=30, pad_id=0, eos_id=1,
        unk_id=2, bos_id=-1, minloglevel=2,
    )  # fmt: skip
    (tmp_path / "spiece.model").write_bytes(made.getvalue())
    config = {"tokenizer_class": "T5Tokenizer", "extra_ids": 0}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    truth = sentencepiece.SentencePieceProcessor(model_proto=made.getvalue())
    for text in ("a red cat", "a dog and a blue cat"):
        found = T5TokenizerFast.from_pretrained(tmp_path)(text).input_ids
        assert found == [*truth.encode(text), truth.eos_id()]
