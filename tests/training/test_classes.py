"""Class names."""

from pathlib import Path

import pytest

from clipsearch.training.classes import read_class_names

LABELS = "background\ntench, Tinca tinca\ncrane\ncrane\nostrich, Struthio camelus\n"


def test_names_come_with_synonyms_and_without_the_background(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text(LABELS)
    classes = read_class_names(tmp_path / "labels.txt")
    assert classes.names[0] == ("tench", "Tinca tinca")
    assert len(classes.names) == 4
    assert classes.owners().tolist() == [0, 0, 1, 2, 3, 3]
    assert classes.first_sentences()[3] == "a photo of an ostrich"
    assert classes.sentences("{}")[1] == "Tinca tinca"


def test_a_photo_of_a_shared_name_is_of_both_classes(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text(LABELS)
    classes = read_class_names(tmp_path / "labels.txt")
    assert classes.right(["x/n02012849_crane.webp"]).tolist() == [[False, True, True, False]]
    with pytest.raises(ValueError, match="no class"):
        classes.right(["x/n1_zebra.webp"])
