"""The world's tokenizer: one token a word, unknown words allowed."""

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from playground.world.spelling import COMMAS, DIGITS, INVISIBLE, PUNCTUATION
from playground.world.vocabulary import (
    COLORS,
    COSTUME,
    NOUNS,
    PLACES,
    SHAPES,
    SIZES,
    WEARABLE,
    WORN,
)

PAD, UNK, BOS, EOS = "<pad>", "<unk>", "<start>", "<end>"
MAX_LENGTH = 77  # as CLIP
GRAMMAR_WORDS = (
    "a", "an", "and", "the", "of", "to", "in", "on", "at", "with", "wearing", "dressed", "as",
    "next", "left", "right", "above", "below", "under", "picture", "photo", "two", "three", ",",
)  # fmt: skip


def words() -> list[str]:
    """Every word that the grammar can say, in a fixed order."""
    phrases = [*GRAMMAR_WORDS, *COLORS, COSTUME, *(w for pair in SIZES.values() for w in pair)]
    phrases += [name for n in NOUNS.values() for name in (n.name, n.many)]
    phrases += [name for s in SHAPES for name in (s, s + "s")]
    phrases += [w.phrase for w in WEARABLE.values()] + [v for w in WORN for v in w.verbs]
    phrases += [text for p in PLACES.values() for text in (p.alone, *p.phrases)]
    return sorted({word for phrase in phrases for word in phrase.split()})


def new_tokenizer() -> PreTrainedTokenizerFast:
    # The end token must not have id 2: CLIPTextModel reads that number as a legacy marker.
    vocabulary = {token: i for i, token in enumerate((PAD, UNK, BOS, EOS, *words()))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNK))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFC(),
            normalizers.Lowercase(),
            normalizers.Replace(Regex(INVISIBLE), ""),
            normalizers.Replace(Regex(COMMAS), ","),
            *(normalizers.Replace(Regex(digit), word) for digit, word in DIGITS.items()),
            normalizers.Replace(Regex(PUNCTUATION), " "),
        ]
    )
    split = pre_tokenizers.Split(Regex(r"\s+"), "removed")
    comma = pre_tokenizers.Split(",", "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, comma])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A {EOS}",
        special_tokens=[(BOS, vocabulary[BOS]), (EOS, vocabulary[EOS])],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNK,
        bos_token=BOS,
        eos_token=EOS,
        model_max_length=MAX_LENGTH,
    )
