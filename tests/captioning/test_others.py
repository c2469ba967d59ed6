"""Captioners that others made write through the same interface."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("transformers", reason="they come with clipsearch[captions]")

from tiny_captioners import (
    WORDS,
    write_blip,
    write_coca,
    write_florence2,
    write_git,
    write_vit_gpt2,
)
from towers.tiny_models import write_clip_folder

from clipsearch.caption_writing import CaptionWriter, Manner, WrittenCaption
from clipsearch.captioning import open_captioner
from clipsearch.captioning.coca import FIRST_WORD, START_OF_TEXT, CocaCaptioner
from clipsearch.captioning_errors import CaptionerUnusable
from clipsearch.images import decode_picture
from clipsearch.values import Pixels

KINDS = {
    "vit-gpt2": write_vit_gpt2,
    "blip": write_blip,
    "git": write_git,
    "florence2": write_florence2,
}
SHORT = Manner(beams=2, longest=8)


@pytest.fixture(scope="module")
def pictures() -> list[Pixels]:
    """Five pictures of sizes of their own: more than one batch."""
    random = np.random.default_rng(0)
    sizes = ((20, 30), (64, 40), (33, 33), (8, 90), (50, 50))
    return [random.integers(0, 256, (*size, 3)).astype(np.uint8) for size in sizes]


@pytest.fixture(scope="module", params=list(KINDS))
def writer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> CaptionWriter:
    kind: str = request.param
    write: Callable[[Path], Path] = KINDS[kind]
    return open_captioner(f"hf:{write(tmp_path_factory.mktemp('models') / kind)}")


def texts(writer: CaptionWriter, pictures: list[Pixels], manner: Manner = SHORT) -> list[str]:
    return [
        each.text if isinstance(each, WrittenCaption) else f"({each.reason})"
        for each in writer.write(pictures, manner)
    ]


def test_a_model_of_transformers_writes_its_words(
    writer: CaptionWriter, pictures: list[Pixels]
) -> None:
    found = texts(writer, pictures)
    assert len(found) == len(pictures)
    words = {word.lower().strip("…") for text in found if text[0] != "(" for word in text.split()}
    assert words <= {*WORDS, "[unk]"} | {w + "." for w in WORDS}
    assert texts(writer, pictures) == found


def test_its_captions_are_chance_by_their_seed(
    writer: CaptionWriter, pictures: list[Pixels]
) -> None:
    one, same, other = (
        texts(writer, pictures, Manner(nucleus=1.0, seed=seed, longest=8)) for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other


def test_it_bears_its_folders_name_and_knows_no_confidence(
    writer: CaptionWriter, pictures: list[Pixels]
) -> None:
    assert writer.source.removeprefix("generated:hf:") in KINDS
    assert all(getattr(each, "confidence", None) is None for each in writer.write(pictures[:1]))


def test_a_model_that_would_run_its_own_code_is_refused(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "mine.py").write_text(f"open({str(marker)!r}, 'w')\nclass Mine: pass\n")
    described = {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Mine"}}
    (folder / "config.json").write_text(json.dumps(described))
    with pytest.raises(CaptionerUnusable):
        open_captioner(f"hf:{folder}")
    assert not marker.exists()


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(CaptionerUnusable, match="hf:nothing"):
        open_captioner(f"hf:{tmp_path / 'nothing'}")


def test_a_name_of_nothing_is_not_the_folder_one_is_in() -> None:
    with pytest.raises(CaptionerUnusable, match="no folder"):
        open_captioner("hf:")


def test_a_model_without_its_weights_is_named_when_it_is_used(
    tmp_path: Path, pictures: list[Pixels]
) -> None:
    folder = write_vit_gpt2(tmp_path / "cut")
    (folder / "model.safetensors").write_bytes(b"cut off")
    with pytest.raises(CaptionerUnusable, match="hf:cut"):
        open_captioner(f"hf:{folder}").write(pictures[:1])


def test_a_coca_of_open_clip_writes(tmp_path: Path, pictures: list[Pixels]) -> None:
    writer = open_captioner(f"coca:{write_coca(tmp_path / 'tiny-coca')}")
    assert writer.source == "generated:coca:tiny-coca"
    shaped = [decode_picture(each, writer.preprocessing).pixels for each in pictures[:3]]
    together = texts(writer, shaped)
    assert together == [texts(writer, [each])[0] for each in shaped]
    assert texts(writer, shaped, Manner(nucleus=0.9, longest=8)) != together


def test_coca_says_what_its_own_decoder_finds_likeliest(
    tmp_path: Path, pictures: list[Pixels]
) -> None:
    import torch

    writer = CocaCaptioner(str(write_coca(tmp_path / "tiny-coca")))
    shaped = [decode_picture(pictures[0], writer.preprocessing).pixels]
    (path,) = writer.paths(shaped, Manner(beams=1, longest=1))
    image = writer.normalised(shaped)
    with torch.no_grad():
        logits = writer.module(image, torch.tensor([[START_OF_TEXT]]), output_labels=False)
    logits = logits["logits"][0, -1, :START_OF_TEXT]
    assert path.tokens[0] - FIRST_WORD == int(logits.argmax())


def test_a_clip_that_writes_no_captions_is_refused(tmp_path: Path) -> None:
    folder = write_clip_folder(tmp_path / "clip")
    with pytest.raises(CaptionerUnusable, match="no CoCa"):
        open_captioner(f"coca:{folder}")
