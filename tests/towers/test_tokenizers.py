"""The torch-free tokenizers give the ids of the libraries that the towers were trained with."""

from __future__ import annotations

import random
import unicodedata
from pathlib import Path

import pytest
from tokenizers import Tokenizer as Library

from clipsearch.towers.clip_bpe import ClipBPE
from clipsearch.towers.folder import TextInput
from clipsearch.towers.loading import BUILTIN_FOLDER
from clipsearch.towers.tokenizer_export import PROBES
from clipsearch.towers.tokens import LibraryTokenizer, padded
from clipsearch.towers.wordpiece import WordPiece

MOST = 128
VOCABULARY = BUILTIN_FOLDER / "vocab.txt"


def nasty_texts() -> list[str]:
    """Difficult texts: the probes, and random runs of every kind of character in Unicode 8."""
    chosen = random.Random(0)
    alphabet = [chr(code) for code in range(1, 0x3400) if _is_old_and_whole(code)]
    texts = ["".join(chosen.choices(alphabet, k=chosen.randint(1, 60))) for _ in range(600)]
    words = [
        "don't",
        "it's",
        "A.B.C.",
        "x" * 120,
        "naïve",
        "&amp;",
        "<b>",
        "e\u0301",
        "ǅ",
        "ß",
        "İ",
    ]
    mixed = [" ".join(chosen.choices(words + texts[:5], k=6)) for _ in range(200)]
    return [*PROBES, *texts, *mixed]


def _is_old_and_whole(code: int) -> bool:
    """Known to Unicode 3.2 and not reclassified since: tables of several ages agree on it."""
    return code != 0x166D and unicodedata.ucd_3_2_0.category(chr(code)) not in ("Cn", "Cs")


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The tokenizers library with the same vocabulary."""
    from tokenizers import BertWordPieceTokenizer

    if not VOCABULARY.exists():
        pytest.skip("the built-in towers are not here")
    path = tmp_path_factory.mktemp("bert") / "tokenizer.json"
    BertWordPieceTokenizer(str(VOCABULARY), lowercase=True).save(str(path))
    library = Library.from_file(str(path))
    library.enable_truncation(MOST)
    return library


def test_wordpiece_gives_the_ids_of_the_library(bert: Library) -> None:
    texts = nasty_texts()
    wanted = [encoding.ids for encoding in bert.encode_batch(texts)]
    assert WordPiece(VOCABULARY, MOST).encode(texts) == wanted


def test_wordpiece_gives_the_same_ids_one_by_one(bert: Library) -> None:
    one = WordPiece(VOCABULARY, MOST)
    texts = nasty_texts()[:60]
    assert [one.encode([text])[0] for text in texts] == WordPiece(VOCABULARY, MOST).encode(texts)


def test_clips_bpe_gives_the_ids_of_open_clip(tmp_path: Path) -> None:
    from open_clip.tokenizer import SimpleTokenizer

    theirs = SimpleTokenizer()
    merges = tmp_path / "merges.txt"
    merges.write_text("".join(f"{one} {two}\n" for one, two in theirs.bpe_ranks), encoding="utf-8")
    texts = nasty_texts()
    ids, _ = padded(ClipBPE(merges, 77).encode(texts), TextInput("merges.txt", 77, padding="max"))
    for text, ours, wanted in zip(texts, ids.tolist(), theirs(texts).tolist(), strict=True):
        assert ours == wanted, repr(text)


def test_a_library_tokenizer_gives_the_ids_of_transformers(tmp_path: Path) -> None:
    from open_clip.tokenizer import HFTokenizer
    from towers.tiny_models import write_bert_tokenizer

    write_bert_tokenizer(tmp_path)
    theirs = HFTokenizer(str(tmp_path), context_length=24, clean="canonicalize")
    text = TextInput("tokenizer.json", 24, clean="canonicalize", padding="max")
    ids, _ = padded(LibraryTokenizer(tmp_path / "tokenizer.json", text).encode(PROBES), text)
    assert ids.tolist() == theirs(list(PROBES)).tolist()


def test_long_texts_are_cut_and_lone_surrogates_survive() -> None:
    if not VOCABULARY.exists():
        pytest.skip("the built-in towers are not here")
    (long, odd) = WordPiece(VOCABULARY, 16).encode(["dog " * 1000, "a \udcff dog"])
    assert len(long) == 16
    assert long[-1] == odd[-1]


def test_padding_is_to_the_longest_or_to_the_greatest_length() -> None:
    rows = [[1, 2, 3], [4]]
    ids, mask = padded(rows, TextInput("x", 5))
    assert ids.tolist() == [[1, 2, 3], [4, 0, 0]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    ids, _ = padded(rows, TextInput("x", 5, padding="max", pad_id=9, drop_id=3))
    assert ids.tolist() == [[1, 2, 0, 9, 9], [4, 9, 9, 9, 9]]
