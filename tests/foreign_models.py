"""Tiny models as others publish them, with what goes wrong in silence: no boundary tokens, an end mark that is also the pad, a
tokenizer that would add tokens of its own, a template with a system turn nobody asked for, and weights in a GGUF file.

Knows no agent.
"""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

TEXTS = ("go to drawer 2", "take mug 1 from cabinet 3", "Where is the mug?", "You are a helpful AI assistant.")
START, END = "<|im_start|>", "<|im_end|>"
DEFAULT_SYSTEM = "You are a helpful AI assistant."
# As SmolLM2's and Qwen2's: a system turn comes first, a default one if none is given.
TEMPLATE = (
    "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n" + DEFAULT_SYSTEM + "<|im_end|>\n' }}{% endif %}"
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
_LAYER_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
_NAMES = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def foreign_tokenizer() -> PreTrainedTokenizerBase:
    """ChatML tokens, pad = end mark, a BOS added by default, padding on the right, contexts of 16 tokens, no <bop> and <eop>."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<|endoftext|>", START, END], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS * 3, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(f"{START} $A", special_tokens=[(START, 1)])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=START, eos_token=END, pad_token=END, model_max_length=16
    )
    fast.chat_template = TEMPLATE
    return fast


def foreign_lm(tokenizer: PreTrainedTokenizerBase, tied: bool = True, spare_rows: int = 0) -> PreTrainedModel:
    """A two-layer Llama for this tokenizer, with dropout that shows whenever it is left in train mode.

    ``spare_rows`` of its embeddings belong to no token, as Qwen2's last few hundred.
    """
    config = LlamaConfig(
        vocab_size=len(tokenizer) + spare_rows,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=tied,
        attention_dropout=0.5,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        model = LlamaForCausalLM(config)
        for parameter in model.parameters():  # weights as drawn hardly tell one token from another
            parameter.mul_(4 if parameter.dim() == 2 else 1)
    return model


def save_foreign(folder: Path, tied: bool = True, spare_rows: int = 0) -> Path:
    """Both as one folder."""
    tokenizer = foreign_tokenizer()
    foreign_lm(tokenizer, tied, spare_rows).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_gguf(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, path: Path) -> None:
    """Write a Llama as llama.cpp's converter does: other names, query and key rows in its order, tokenizer in the header."""
    import gguf

    writer, config = gguf.GGUFWriter(str(path), "llama"), model.config
    writer.add_context_length(256)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_vocab_size(config.vocab_size)
    _write_tokenizer(writer, tokenizer)
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    tensors = dict(model.state_dict())
    for name, tensor in tensors.items():
        kind = name.split(".")[-2]
        if name.startswith("lm_head") and config.tie_word_embeddings:
            continue
        if kind in heads:
            size, width = tensor.shape
            pairs = tensor.reshape(heads[kind], 2, size // heads[kind] // 2, width)
            tensors[name] = pairs.swapaxes(1, 2).reshape(size, width)
        writer.add_tensor(_gguf_name(name), tensors[name].contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _write_tokenizer(writer, tokenizer) -> None:
    vocabulary = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(vocabulary)
    writer.add_token_types([3 if token in ("<|endoftext|>", START, END) else 1 for token in vocabulary])
    writer.add_token_merges(
        [" ".join(pair) for pair in json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]]
    )
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_chat_template(tokenizer.chat_template)


def _gguf_name(name: str) -> str:
    stem = name.removesuffix(".weight")
    if not stem.startswith("model.layers."):
        return f"{_NAMES[stem]}.weight"
    number, rest = stem.removeprefix("model.layers.").split(".", 1)
    return f"blk.{number}.{_LAYER_NAMES[rest]}.weight"
