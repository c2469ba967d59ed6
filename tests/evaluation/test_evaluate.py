"""Towers measured on painted pictures, by a tower that sees colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from colour_towers import ColourTowers

from clipsearch.captions import CaptionedSet, read_captioned, searched_images
from clipsearch.evaluation import Result, Tasks, evaluate, evaluation_page, read_templates
from clipsearch.evaluation_errors import BadTemplates, NothingToMeasure
from clipsearch.values import Caption, Embeddings, Image, ImageInfo, Pixels

COLOURS = ("red", "green", "blue", "yellow")


def silent(_phase: str, _done: int, _total: int, _failed: int) -> None:
    """Hear nothing."""


@pytest.fixture
def data(pictures: Path, paint: object) -> CaptionedSet:
    """Two pictures of each colour, each with its colour's name."""
    rows = ["filepath,title"]
    for colour in COLOURS:
        for copy in "ab":
            name = f"{colour}-{copy}.png"
            paint(name, colour if colour != "green" else "lime")  # type: ignore[operator]
            rows.append(f"{name},a photo of a {colour}")
    (pictures / "set.csv").write_text("\n".join(rows) + "\n")
    return read_captioned(pictures / "set.csv")


def only(data: CaptionedSet, tasks: Tasks, towers: ColourTowers | None = None) -> list[Result]:
    return list(evaluate(towers or ColourTowers(), data, tasks, silent).results)


def test_a_tower_that_sees_colours_names_every_colour(data: CaptionedSet) -> None:
    (result,) = only(data, Tasks(("classify",), templates=("{}",)))
    assert result.metrics["acc1"] == 1.0


def test_pictures_of_one_colour_are_most_like_each_other(data: CaptionedSet) -> None:
    (result,) = only(data, Tasks(("similar",)))
    assert result.metrics["hit@1"] == 1.0
    assert result.metrics["queries"] == 8


def test_retrieval_finds_each_colour_among_the_first_two(data: CaptionedSet) -> None:
    (result,) = only(data, Tasks(("retrieval",)))
    assert result.metrics["image_retrieval_recall@5"] == 1.0


def test_robustness_measures_every_distortion_and_grey_takes_the_colours(
    data: CaptionedSet,
) -> None:
    found = {each.condition: each.metrics for each in only(data, Tasks(("robustness",)))}
    assert set(found) == {"plain", "jpeg", "blur", "noise", "crop", "rotation", "grey"}
    name = "image_retrieval_mAP"
    assert found["grey"][name] < found["plain"][name]


def test_agreement_of_a_small_set_is_whole(data: CaptionedSet) -> None:
    (result,) = only(data, Tasks(("agreement",)))
    assert result.metrics["flat_agreement@10"] == 1.0


def test_a_red_query_favours_the_red_group(data: CaptionedSet) -> None:
    groups = {"red": ["red"], "blue": ["blue"]}
    (result,) = only(data, Tasks(("bias",), groups=groups, neutral=("red",)))
    assert result.metrics["red_share_top"] == 1.0
    assert result.metrics["red_share_all"] == 0.5
    assert result.metrics["red_skew"] > 0


def test_a_group_that_no_picture_shows_is_refused(data: CaptionedSet) -> None:
    with pytest.raises(NothingToMeasure, match="purple"):
        only(data, Tasks(("bias",), groups={"red": ["red"], "purple": ["purple"]}))


class Saying(ColourTowers):
    """Gives one embedding to every picture and every text."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def embed_images(self, pixels: Pixels) -> Embeddings:
        return np.full((len(pixels), 8), self.value, np.float32)

    def embed_texts(self, texts: object) -> Embeddings:
        return np.full((len(texts), 8), self.value, np.float32)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [np.nan, 8**-0.5])
def test_embeddings_that_say_nothing_score_nothing(data: CaptionedSet, value: float) -> None:
    for result in only(data, Tasks(("retrieval", "classify", "similar")), Saying(value)):
        hits = [value for name, value in result.metrics.items() if name[-2:] in ("@1", "c1")]
        assert hits
        assert hits == [0.0] * len(hits)


def test_unreadable_and_missing_pictures_are_left_out_and_counted(
    data: CaptionedSet, pictures: Path
) -> None:
    (pictures / "red-a.png").write_bytes(b"no picture")
    (pictures / "red-b.png").unlink()
    found = evaluate(ColourTowers(), data, Tasks(), silent).embedded
    assert [skip.path.name for skip in found.skips] == ["red-a.png", "red-b.png"]
    assert len(found.pictures) == 6


def some_images(folder: Path, names: dict[str, tuple[Caption, ...]]) -> list[Image]:
    info = ImageInfo(b"", "PNG", 8, 8, 1)
    return [
        Image(at, info, (folder / name,), captions)
        for at, (name, captions) in enumerate(names.items(), start=1)
    ]


def test_a_collections_own_embeddings_are_measured_without_reading_its_pictures(
    tmp_path: Path,
) -> None:
    towers = ColourTowers()
    images = some_images(tmp_path, {"gone.png": (Caption("red"),), "too.png": (Caption("blue"),)})
    rows = dict(zip((1, 2), towers.embed_texts(["red", "blue"]), strict=True))
    own = searched_images("mine", images, rows, towers.identity)
    (result,) = only(own, Tasks(("retrieval",)), towers)
    assert result.metrics["image_retrieval_recall@1"] == 1.0
    assert towers.images_embedded == 0


def test_pictures_without_captions_are_searched_through_and_ask_nothing(tmp_path: Path) -> None:
    towers = ColourTowers()
    images = some_images(tmp_path, {"a.png": (Caption("red"),), "b.png": (), "c.png": ()})
    rows = dict(zip((1, 2, 3), towers.embed_texts(["red white", "red", "red"]), strict=True))
    own = searched_images("mine", images, rows, towers.identity)
    (result,) = only(own, Tasks(("retrieval",)), towers)
    assert result.metrics["image_retrieval_median_rank"] == 3.0
    assert result.metrics["text_retrieval_recall@1"] == 1.0


def test_an_empty_split_is_refused(pictures: Path, data: CaptionedSet) -> None:
    with pytest.raises(NothingToMeasure):
        only(read_captioned(pictures / "set.csv", "dev"), Tasks())


def test_the_page_escapes_what_is_foreign(data: CaptionedSet, pictures: Path) -> None:
    (pictures / "set.csv").write_text("filepath,title\nred-a.png,<script>red</script>\n")
    found = evaluate(ColourTowers(), read_captioned(pictures / "set.csv"), Tasks(), silent)
    page = evaluation_page([found])
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "data:image/jpeg" in page


def test_a_template_without_a_place_for_a_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("a photo of {a}\na photo\n")
    with pytest.raises(BadTemplates, match="a photo"):
        read_templates(tmp_path / "prompts.txt")
