"""Writes an open_clip tokenizer as files that give the same ids without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from clipsearch.towers.cleaning import Clean
from clipsearch.towers.clip_bpe import ClipBPE
from clipsearch.towers.folder import TextInput
from clipsearch.towers.tokens import LibraryTokenizer, Tokenizer, padded
from clipsearch.towers.wordpiece import WordPiece

_CLEANINGS: dict[str, Clean] = {
    "_clean_lower": "lower",
    "_clean_whitespace": "whitespace",
    "_clean_canonicalize": "canonicalize",
}
_ENGLISH_VOCABULARIES = frozenset({30522})  # BERT's lower-case English WordPiece

PROBES = (
    "",
    "a photo of a dog",
    "  Two  dogs\tplay,\nat the BEACH!  ",
    "it's the children's; they'll say: don't",
    "café naïve Ünïcødé — “quoted” ‘text’…",
    "Tom &amp; Jerry &lt;b&gt; &amp;amp; 3½ x² №5",
    "犬と猫 狗和猫 кошка και σκύλος كلب",
    "😀🏖️ 👩‍👩‍👧 <start_of_text> <end_of_text>",
    "[CLS] a [cls] b[SEP]c [MASK][PAD]",
    "ﬁne ｆｕｌｌ sch\u00adön \u200b \u0301 x\u0000y \ufffd",
    "word " * 300,
    "pneumonoultramicroscopicsilicovolcanoconiosis" * 5,
)


class TokenizerNotPortable(Exception):
    """The tokenizer does something that only its library can do."""


def languages_of(tokenizer: Any) -> tuple[str, ...]:
    """English where the tokenizer is CLIP's own or BERT's lower-case one; else any."""
    if type(tokenizer).__name__ == "SimpleTokenizer":
        return ("en",)
    vocabulary = getattr(getattr(tokenizer, "tokenizer", None), "vocab_size", None)
    return ("en",) if vocabulary in _ENGLISH_VOCABULARIES else ()


def export_tokenizer(tokenizer: Any, folder: Path) -> TextInput:
    """Write the tokenizer's file into `folder`, and say how it is used.

    The ids are held against the tokenizer's own on difficult texts: TokenizerNotPortable where
    they differ.
    """
    if type(tokenizer).__name__ == "SimpleTokenizer":
        return _export_clip(tokenizer, folder)
    return _export_library(tokenizer, folder)


def _export_clip(tokenizer: Any, folder: Path) -> TextInput:
    if tokenizer.reduction_fn is not None or len(tokenizer.all_special_ids) != 2:
        raise TokenizerNotPortable("it drops tokens in a way of its own, or has special tokens")
    merges = sorted(tokenizer.bpe_ranks, key=tokenizer.bpe_ranks.get)
    path = folder / "merges.txt"
    path.write_text("".join(f"{left} {right}\n" for left, right in merges), encoding="utf-8")
    text = TextInput(
        tokenizer=path.name,
        max_tokens=int(tokenizer.context_length),
        languages=languages_of(tokenizer),
        clean=_cleaning(tokenizer),
        padding="max",
    )
    _hold_against(tokenizer, ClipBPE(path, text.max_tokens, text.clean), text)
    return text


def _export_library(tokenizer: Any, folder: Path) -> TextInput:
    inner = tokenizer.tokenizer
    if getattr(tokenizer, "tokenizer_mode", "") or inner.padding_side != "right":
        raise TokenizerNotPortable("it pads or joins its tokens in a way of its own")
    library = getattr(inner, "backend_tokenizer", None)
    if library is None:
        raise TokenizerNotPortable("it is not one of the tokenizers library")
    path = folder / "tokenizer.json"
    library.save(str(path))
    text = TextInput(
        tokenizer=path.name,
        max_tokens=int(tokenizer.context_length),
        languages=languages_of(tokenizer),
        clean=_cleaning(tokenizer) if hasattr(tokenizer, "clean_fn") else "canonicalize",
        padding="max",
        pad_id=int(inner.pad_token_id),
        drop_id=int(inner.sep_token_id) if getattr(tokenizer, "strip_sep_token", False) else None,
    )
    _hold_against(tokenizer, LibraryTokenizer(path, text), text)
    return _as_wordpiece(tokenizer, folder, text) or text


def _as_wordpiece(tokenizer: Any, folder: Path, text: TextInput) -> TextInput | None:
    """The same as a plain vocabulary, which starts at once; None if it is no such tokenizer."""
    vocabulary = tokenizer.tokenizer.get_vocab()
    if not {"[UNK]", "[CLS]", "[SEP]"} <= set(vocabulary) or len(vocabulary) != 1 + max(
        vocabulary.values()
    ):
        return None
    path = folder / "vocab.txt"
    pieces = sorted(vocabulary, key=vocabulary.__getitem__)
    path.write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8", newline="\n")
    try:
        plain = WordPiece(path, text.max_tokens, text.clean)
        _hold_against(tokenizer, plain, text)
    except (TokenizerNotPortable, ValueError):
        path.unlink()
        return None
    (folder / text.tokenizer).unlink()
    return replace(text, tokenizer=path.name)


def _cleaning(tokenizer: Any) -> Clean:
    name = getattr(tokenizer.clean_fn, "__name__", "")
    if name not in _CLEANINGS:
        raise TokenizerNotPortable(f"its texts are cleaned by {name or 'an unknown function'}")
    return _CLEANINGS[name]


def _hold_against(tokenizer: Any, portable: Tokenizer, text: TextInput) -> None:
    ids, _ = padded(portable.encode(PROBES), text)
    wanted: Sequence[Sequence[int]] = tokenizer(list(PROBES)).tolist()
    for probe, found, right in zip(PROBES, ids.tolist(), wanted, strict=True):
        if found != list(right):
            raise TokenizerNotPortable(f"its ids differ for {probe[:40]!r}")
