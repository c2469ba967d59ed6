"""What a program can do with a collection beside indexing folders."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from colour_towers import ColourTowers
from PIL import Image as PillowImage

from clipsearch import Addition, Caption, Collection
from clipsearch.errors import BadCollectionName, CollectionHeld, HomeUnwritable

Paint = Callable[[str, str], Path]


def plain(colour: str) -> PillowImage.Image:
    return PillowImage.new("RGB", (20, 10), colour)


def test_pictures_that_are_not_files_come_in_with_captions_and_metadata(
    collection: Collection,
) -> None:
    caption = Caption("a red rectangle")
    (image,) = collection.add([Addition(plain("red"), [caption], {"order": 17})])
    assert (image.path, image.info.width, image.info.height) == (None, 20, 10)
    assert image.captions == (caption,)
    assert collection.query("red")[0].image.metadata == {"order": 17}


def test_arrays_are_pictures_too(collection: Collection) -> None:
    array = np.zeros((8, 8, 3), np.uint8)
    array[..., 2] = 255
    (image,) = collection.add([Addition(array)])
    assert collection.query("blue")[0].image == image


def test_the_same_picture_keeps_its_id_and_gains_captions(collection: Collection) -> None:
    (first,) = collection.add([Addition(plain("red"), [Caption("one")], {"a": 1})])
    (second,) = collection.add([Addition(plain("red"), [Caption("two")], {"b": 2})])
    assert first.id == second.id
    assert [caption.text for caption in second.captions] == ["one", "two"]
    assert second.metadata == {"a": 1, "b": 2}
    assert len(collection) == 1


def test_added_pictures_survive_an_ingestion(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    collection.add([Addition(plain("red"))])
    paint("blue.png", "blue")
    collection.ingest([pictures])
    assert len(collection) == 2


def test_captions_can_be_added_later(collection: Collection) -> None:
    (image,) = collection.add([Addition(plain("red"))])
    collection.add_captions(image.id, [Caption("late", "sidecar")])
    assert collection.image(image.id).captions == (Caption("late", "sidecar"),)


def test_an_id_that_is_not_there_is_a_key_error(collection: Collection) -> None:
    collection.add([Addition(plain("red"))])
    for ask in (collection.image, collection.embedding):
        with pytest.raises(KeyError):
            ask(99)


def test_removing_by_id_takes_the_image_out(collection: Collection) -> None:
    red, blue = collection.add([Addition(plain("red")), Addition(plain("blue"))])
    assert collection.remove(ids=[red.id]).images == 1
    assert [image.id for image in collection] == [blue.id]


def test_removing_a_folder_forgets_it_as_a_root(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("one/a.png", "red")
    paint("two/b.png", "blue")
    collection.ingest([pictures / "one", pictures / "two"])
    assert collection.remove(under=[pictures / "one"]).images == 1
    assert collection.ingest().added == 0
    assert collection.status().roots == (pictures / "two",)


def test_iteration_gives_every_image_in_order(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    for number in range(7):
        paint(f"{number}.png", "red")
    collection.ingest([pictures])
    ids = [image.id for image in collection]
    assert ids == sorted(ids)
    assert len(ids) == len(collection) == 7


def test_embeddings_come_in_chunks_of_unit_length(collection: Collection) -> None:
    collection.add([Addition(plain("red")), Addition(plain("blue"))])
    rows = np.concatenate([embeddings for _, embeddings in collection.embeddings()])
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1.0, 1.0])


def test_similarity_is_the_matrix_of_cosines(collection: Collection) -> None:
    matrix = collection.similarity([plain("red"), plain("blue")], ["red", "blue", "green"])
    assert matrix == pytest.approx(np.array([[1, 0, 0], [0, 1, 0]]), abs=1e-6)


def test_several_collections_stand_side_by_side(home: Path) -> None:
    for name, colour in (("one", "red"), ("two", "blue")):
        Collection(name, home=home, tower=ColourTowers()).add([Addition(plain(colour))])
    with Collection("one", home=home, tower=ColourTowers()) as one:
        assert len(one) == 1


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-rf", "x" * 65, "a\nb", "ä"])
def test_a_name_that_cannot_be_a_folder_is_refused(name: str, home: Path) -> None:
    with pytest.raises(BadCollectionName):
        Collection(name, home=home)


def test_a_second_writer_is_told_who_writes(collection: Collection, home: Path) -> None:
    collection.add([Addition(plain("red"))])
    script = """
        import sys
        from clipsearch.lock import only_writer
        from pathlib import Path
        with only_writer(Path(sys.argv[1]), "default", 0):
            print("held", flush=True)
            sys.stdin.read()
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(collection.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(CollectionHeld, match=str(holder.pid)):  # row 54
            collection.add([Addition(plain("blue"))])
        assert len(collection.query("red")) == 1
        holder.kill()
    collection.add([Addition(plain("blue"))])  # the lock of a dead process is free
    assert len(collection) == 2


def test_a_writer_waits_as_long_as_it_is_told(collection: Collection, home: Path) -> None:
    collection.add([Addition(plain("red"))])
    script = """
        import sys, time
        from clipsearch.lock import only_writer
        from pathlib import Path
        with only_writer(Path(sys.argv[1]), "default", 0):
            print("held", flush=True)
            time.sleep(1)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(collection.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        patient = Collection(home=home, tower=ColourTowers(), wait_seconds=60)
        patient.add([Addition(plain("blue"))])
    assert len(collection) == 2


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_a_home_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(HomeUnwritable, match="CLIPSEARCH_HOME"):
        Collection(home=tmp_path / "file", tower=ColourTowers()).add([Addition(plain("red"))])


def test_a_forked_or_spawned_program_needs_no_main_guard(
    tmp_path: Path, pictures: Path, paint: Paint
) -> None:
    """Decoding processes never run the embedding program's own script again."""
    paint("a.png", "red")
    script = tmp_path / "program.py"
    script.write_text(
        textwrap.dedent(
            """
            import sys
            from pathlib import Path
            sys.path.insert(0, sys.argv[2])
            from colour_towers import ColourTowers
            from clipsearch import Collection
            print("started")
            collection = Collection(home=Path(sys.argv[1]) / "home", tower=ColourTowers())
            print(collection.ingest([Path(sys.argv[1]) / "pictures"]).added)
            """
        )
    )
    arguments = [str(tmp_path), str(Path(__file__).parents[1])]
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.split() == ["started", "1"]
    assert multiprocessing.active_children() == []
