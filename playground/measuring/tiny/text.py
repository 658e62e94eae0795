"""Tokenizers and text encoders of real classes, trained on a few sentences or filled at random."""

import functools
import json

import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

START, END = "<|startoftext|>", "<|endoftext|>"
SENTENCES = (
    "a photo of a red apple and a green pear", "a cat wearing a top hat on a blue background",
    "two dogs left of a small house in the snow", "the dog is above the cloud", "skyscrapers",
    "portrait of a woman with long hair, detailed, studio light", "a horse on the moon at night",
    "0123456789 watercolor of an astronaut",
)  # fmt: skip
WIDTH = 32  # of every text encoder that has no other


def _learn(model, pre_tokenizer, trainer) -> dict:
    """What `trainer` learns from the sentences: a `tokenizers` model as a dictionary."""
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.train_from_iterator(SENTENCES, trainer)
    return json.loads(tokenizer.to_str())["model"]


def _pairs(merges) -> list[tuple[str, str]]:
    return [(first, second) for first, second in merges]


# ---- CLIP -------------------------------------------------------------------------------------


@functools.lru_cache
def _clip_vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Bytes, bytes that end a word, merges, start, end: the order of OpenAI's vocabulary."""
    learned = _learn(
        models.BPE(end_of_word_suffix="</w>"),
        pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        ),
        trainers.BpeTrainer(vocab_size=600, end_of_word_suffix="</w>", show_progress=False),
    )
    merges = _pairs(learned["merges"])
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*letters, *(letter + "</w>" for letter in letters), *map("".join, merges), START, END]
    return {token: i for i, token in enumerate(dict.fromkeys(tokens))}, merges


def clip_tokenizer(padding: str = END) -> transformers.CLIPTokenizer:
    vocabulary, merges = _clip_vocabulary()
    return transformers.CLIPTokenizer(
        dict(vocabulary), list(merges), pad_token=padding, model_max_length=77
    )


def clip_config(width: int = WIDTH, layers: int = 3, act: str = "quick_gelu"):
    vocabulary, _ = _clip_vocabulary()
    return transformers.CLIPTextConfig(
        vocab_size=len(vocabulary), hidden_size=width, intermediate_size=4 * width,
        num_hidden_layers=layers, num_attention_heads=4, projection_dim=width, hidden_act=act,
        bos_token_id=vocabulary[START], eos_token_id=vocabulary[END], pad_token_id=vocabulary[END],
    )  # fmt: skip


# ---- T5 ---------------------------------------------------------------------------------------


@functools.lru_cache
def _t5_pieces() -> tuple[tuple[str, float], ...]:
    learned = _learn(
        models.Unigram(),
        pre_tokenizers.Metaspace(),
        trainers.UnigramTrainer(vocab_size=200, show_progress=False),
    )
    special = ("<pad>", "</s>", "<unk>")
    pieces = [(piece, score) for piece, score in learned["vocab"] if piece not in special]
    return (*((name, 0.0) for name in special), *pieces)


def t5_tokenizer() -> transformers.T5Tokenizer:
    return transformers.T5Tokenizer(list(_t5_pieces()), extra_ids=0, model_max_length=512)


def t5_encoder(width: int = WIDTH) -> transformers.T5EncoderModel:
    return transformers.T5EncoderModel(
        transformers.T5Config(
            vocab_size=len(_t5_pieces()), d_model=width, d_kv=8, d_ff=64, num_layers=2,
            num_heads=4, feed_forward_proj="gated-gelu", is_encoder_decoder=False, use_cache=False,
        )
    )  # fmt: skip


# ---- Gemma ------------------------------------------------------------------------------------


def gemma_tokenizer() -> transformers.GemmaTokenizer:
    """Begins with <bos>, has no end token, writes unknown letters as bytes."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", *(f"<0x{byte:02X}>" for byte in range(256))]
    learned = _learn(
        models.BPE(byte_fallback=True, unk_token="<unk>"),
        pre_tokenizers.Metaspace(prepend_scheme="never"),
        trainers.BpeTrainer(vocab_size=500, special_tokens=special, show_progress=False),
    )
    made = transformers.GemmaTokenizer(
        vocab=learned["vocab"], merges=_pairs(learned["merges"]), model_max_length=512,
        padding_side="right",
    )  # fmt: skip
    made.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A <bos> $B", special_tokens=[("<bos>", made.bos_token_id)]
    )
    return made


def gemma_encoder(tokens: int) -> transformers.Gemma2Model:
    return transformers.Gemma2Model(
        transformers.Gemma2Config(
            vocab_size=tokens, hidden_size=WIDTH, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=2, num_key_value_heads=2, head_dim=16,
            max_position_embeddings=1024,
        )
    )  # fmt: skip


# ---- Qwen -------------------------------------------------------------------------------------

CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_LAYERS = {"hidden_size": WIDTH, "intermediate_size": 64, "num_attention_heads": 2,
           "num_key_value_heads": 2}  # fmt: skip


def qwen_tokenizer() -> transformers.Qwen2Tokenizer:
    """A space belongs to the word after it; the prompt stands in a chat."""
    learned = _learn(
        models.BPE(),
        pre_tokenizers.ByteLevel(add_prefix_space=False),
        trainers.BpeTrainer(
            vocab_size=500, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )  # fmt: skip
    made = transformers.Qwen2Tokenizer(
        vocab=learned["vocab"], merges=_pairs(learned["merges"]), model_max_length=1024,
        padding_side="right",
    )  # fmt: skip
    made.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    made.chat_template = CHAT
    return made


def qwen3_encoder(tokens: int) -> transformers.Qwen3Model:
    return transformers.Qwen3Model(
        transformers.Qwen3Config(
            vocab_size=tokens, num_hidden_layers=3, head_dim=16, max_position_embeddings=1024,
            **_LAYERS,
        )
    )  # fmt: skip


def qwen_vl_encoder(tokens: int) -> transformers.Qwen2_5_VLForConditionalGeneration:
    rope = {"mrope_section": [2, 3, 3], "rope_type": "default", "rope_theta": 1e6}
    text = {
        "vocab_size": tokens, "num_hidden_layers": 2, "rope_scaling": rope, "bos_token_id": 0,
        "eos_token_id": 1, "max_position_embeddings": 2048, **_LAYERS,
    }  # fmt: skip
    vision = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2,
              "out_hidden_size": WIDTH}  # fmt: skip
    return transformers.Qwen2_5_VLForConditionalGeneration(
        transformers.Qwen2_5_VLConfig(
            text_config=text, vision_config=vision, vision_start_token_id=2,
            vision_end_token_id=3, vision_token_id=4, image_token_id=5, video_token_id=6,
        )
    )  # fmt: skip
