"""What a tower was asked once on this machine no second collection asks again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from colour_towers import ColourTowers
from PIL import Image as PillowImage
from towers.tiny_folder import write_int8_folder

from clipsearch import Collection, TowerOptions
from clipsearch.catalogue import Catalogue
from clipsearch.ingest import CHECKED_AT_MOST, precision_held
from clipsearch.towers import TowerMemory, embedding_once
from clipsearch.towers.claimed import CLAIMED
from clipsearch.values import Embeddings

Open = Callable[[str], Collection]


class Listening(ColourTowers):
    """Towers that count the texts they are asked for."""

    def __init__(self, name: str = "colours") -> None:
        """Nothing was asked yet."""
        super().__init__(name)
        self.texts_embedded = 0

    def embed_texts(self, texts: Sequence[str]) -> Embeddings:
        """Embed texts, and count them."""
        self.texts_embedded += len(texts)
        return super().embed_texts(texts)


class Claimed(Listening):
    """Towers that are known by what an import says of them alone."""

    def __init__(self, name: str) -> None:
        """Take the name; there is no digest."""
        super().__init__(name)
        self.identity = replace(self.identity, digest=CLAIMED)


def save(pictures: Path, count: int) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (count, 3)).tolist()
    for number, colour in enumerate(colours):
        PillowImage.new("RGB", (8, 8), tuple(colour)).save(pictures / f"{number:03}.png")


def index(home: Path, pictures: Path, name: str, tower: ColourTowers) -> None:
    with Collection(name, home=home, tower=tower) as collection:
        collection.ingest([pictures])


def test_a_second_collection_does_not_embed_the_everyday_texts_again(
    home: Path, pictures: Path
) -> None:
    save(pictures, 3)
    first, second = Listening(), Listening()
    index(home, pictures, "one", first)
    index(home, pictures, "two", second)
    assert first.texts_embedded > 100
    assert second.texts_embedded == 0


def test_both_collections_judge_alike(home: Path, pictures: Path) -> None:
    save(pictures, 3)
    for name in ("one", "two"):
        index(home, pictures, name, Listening())
    judged = []
    for name in ("one", "two"):
        with Collection(name, home=home, tower=Listening()) as collection:
            judged.append([hit.probability for hit in collection.query("red", k=3)])
    assert judged[0] == judged[1]


def test_another_tower_embeds_them_itself(home: Path, pictures: Path) -> None:
    save(pictures, 3)
    index(home, pictures, "one", Listening())
    other = Listening("other colours")
    index(home, pictures, "two", other)
    assert other.texts_embedded > 100


def test_two_towers_that_imports_claim_are_not_taken_for_one(home: Path) -> None:
    row = np.eye(ColourTowers().identity.dim, dtype=np.float32)[:1]
    towers = [Claimed("ViT-B-32/openai"), Claimed("ViT-B-32/laion")]
    assert towers[0].identity.digest == towers[1].identity.digest
    for tower in towers:
        assert embedding_once(tower, home)(["a dog"]).shape == row.shape
        assert tower.texts_embedded == 1
    folders = {TowerMemory(home, tower.identity).folder for tower in towers}
    assert len(folders) == 2


def test_a_damaged_file_is_embedded_anew(home: Path, pictures: Path) -> None:
    save(pictures, 3)
    tower = Listening()
    index(home, pictures, "one", tower)
    (kept,) = TowerMemory(home, tower.identity).folder.glob("texts-*")
    for content in (b"", kept.read_bytes()[:-100], b"PK\x03\x04", bytes(kept.stat().st_size)):
        kept.write_bytes(content)
        again = Listening()
        index(home, pictures, f"two-{len(content)}", again)
        assert again.texts_embedded > 100


def test_a_folder_that_cannot_be_written_costs_no_collection(home: Path, pictures: Path) -> None:
    save(pictures, 3)
    (home / "towers").mkdir(parents=True)
    (home / "towers" / "memory").write_text("in the way")
    index(home, pictures, "one", Listening())
    with Collection("one", home=home) as collection:
        assert len(collection) == 3


def test_a_precision_that_held_on_all_pictures_of_a_check_is_not_checked_again(
    home: Path, pictures: Path, tmp_path: Path
) -> None:
    open_int8 = faithful(home, tmp_path / "tower")
    save(pictures, CHECKED_AT_MOST)
    open_int8("one").ingest([pictures])
    assert held(open_int8("one"))
    open_int8("two").ingest([pictures])
    assert not held(open_int8("two"))  # nothing was compared


def test_a_precision_that_held_on_fewer_is_checked_by_the_next_collection(
    home: Path, pictures: Path, tmp_path: Path
) -> None:
    open_int8 = faithful(home, tmp_path / "tower")
    save(pictures, CHECKED_AT_MOST - 1)
    for name in ("one", "two"):
        open_int8(name).ingest([pictures])
        assert held(open_int8(name))


def faithful(home: Path, tower: Path) -> Open:
    """Collections at int8 whose int8 file says what its fp32 file says."""
    write_int8_folder(tower)
    options = TowerOptions("int8")
    return lambda name: Collection(name, home=home, model=str(tower), options=options)


def held(collection: Collection) -> bool:
    with Catalogue.open(collection.folder) as catalogue:
        return precision_held(catalogue)
