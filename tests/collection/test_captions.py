"""Captions come in with the pictures, follow their files, and leave what people said alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from colour_towers import ColourTowers
from PIL import Image as PillowImage

from clipsearch import Caption, Collection, IngestOptions, IngestReport
from clipsearch.captioning import CaptionTable, Sidecars, WrittenCaption, XmpSidecars
from clipsearch.catalogue import Catalogue
from clipsearch.errors import CaptionsUnreadable, PathMissing
from clipsearch.values import Embeddings

Paint = Callable[[str, str], Path]
XMP = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><rdf:Description dc:title="{}"/></rdf:RDF>'
)


def captions(collection: Collection) -> dict[str, list[tuple[str, str]]]:
    """Text and source of each picture's captions, by the name of its first file."""
    return {
        image.path.name: [(caption.text, caption.source) for caption in image.captions]
        for image in collection
        if image.path is not None and image.captions
    }


def rows(collection: Collection) -> list[tuple[int, str, bool]]:
    """Id, text and whether it is embedded, of every caption."""
    with Catalogue.open(collection.folder) as catalogue, catalogue.reader() as connection:
        query = "SELECT id, text, coalesce(length(embedding), 0) = 32 FROM captions ORDER BY id"
        return [(row[0], row[1], bool(row[2])) for row in connection.exec_driver_sql(query)]


def changed(report: IngestReport) -> tuple[int, int]:
    return report.captions_added, report.captions_removed


def write(path: Path, text: str) -> Path:
    """Write a file of captions whose time differs from what stood there."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(before + 10**9, before + 10**9))
    return path


@pytest.mark.parametrize("name", ["a.txt", "a.png.txt"])
def test_a_text_beside_a_picture_gives_its_captions(
    collection: Collection, pictures: Path, paint: Paint, name: str
) -> None:
    paint("a.png", "red")
    paint("b.png", "blue")
    write(pictures / name, "red\nblue sky\n")
    assert changed(collection.ingest([pictures])) == (2, 0)
    assert captions(collection) == {"a.png": [("red", "sidecar"), ("blue sky", "sidecar")]}
    assert all(embedded for _, _, embedded in rows(collection))


def test_an_xmp_sidecar_and_the_pictures_own_xmp_say_what_they_are(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    write(pictures / "a.xmp", XMP.format("red"))
    image = PillowImage.new("RGB", (8, 8), "blue")
    image.save(pictures / "b.jpg", xmp=XMP.format("blue").encode())
    collection.ingest([pictures])
    assert captions(collection) == {"a.png": [("red", "xmp")], "b.jpg": [("blue", "xmp")]}


def test_a_single_picture_has_its_sidecars_too(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    picture = paint("a.png", "red")
    sidecar = write(pictures / "a.txt", "red")
    collection.ingest([picture])
    assert captions(collection) == {"a.png": [("red", "sidecar")]}
    sidecar.unlink()
    assert changed(collection.ingest([picture])) == (0, 1)


def test_an_unchanged_run_reads_nothing_again(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    write(pictures / "a.txt", "red\nred")
    write(pictures / "a.json", "{}")
    collection.ingest([pictures])
    before = rows(collection)
    phases: list[str] = []
    report = collection.ingest([pictures], None, lambda progress: phases.append(progress.phase))
    assert changed(report) == (0, 0)
    assert "reading captions" not in phases
    assert rows(collection) == before


def test_a_changed_sidecar_changes_only_what_it_says_anew(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    sidecar = write(pictures / "a.txt", "red\ngreen\n")
    collection.ingest([pictures])
    kept, _ = rows(collection)
    write(sidecar, "red\nblue\n")
    assert changed(collection.ingest([pictures])) == (1, 1)
    assert rows(collection)[0] == kept
    assert captions(collection)["a.png"] == [("red", "sidecar"), ("blue", "sidecar")]


def test_a_vanished_sidecar_takes_its_captions_along_and_no_others(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    sidecar = write(pictures / "a.txt", "red\n")
    collection.ingest([pictures])
    (image,) = collection
    collection.add_captions(image.id, [Caption("mine"), Caption("its", "generated:x")])
    sidecar.unlink()
    assert changed(collection.ingest([pictures])) == (0, 1)
    assert captions(collection)["a.png"] == [("mine", "human"), ("its", "generated:x")]


def test_captions_stay_where_the_folder_is_away(
    collection: Collection, pictures: Path, paint: Paint, tmp_path: Path
) -> None:
    paint("a.png", "red")
    write(pictures / "a.txt", "red\n")
    collection.ingest([pictures])
    shutil.rmtree(pictures)
    pictures.mkdir()  # as an unmounted disk leaves it
    assert changed(collection.ingest()) == (0, 0)
    assert captions(collection) == {"a.png": [("red", "sidecar")]}


def test_a_sidecar_follows_the_picture_beside_it(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    picture = paint("a.png", "red")
    write(pictures / "a.txt", "mine\n")
    shutil.copy2(picture, pictures / "copy.png")
    collection.ingest([pictures])
    picture.unlink()
    paint("a.png", "blue")
    assert changed(collection.ingest([pictures])) == (1, 1)
    assert captions(collection) == {"a.png": [("mine", "sidecar")]}


def test_a_picture_that_comes_back_has_its_captions_again(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    write(pictures / "a.txt", "red\n")
    collection.ingest([pictures])
    (image,) = collection
    collection.remove([image.id])
    assert changed(collection.ingest([pictures])) == (1, 0)


def test_a_sidecar_that_cannot_be_read_leaves_what_it_said(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    sidecar = write(pictures / "a.txt", "red\n")
    collection.ingest([pictures])
    sidecar.write_bytes(b"B\xe4r")
    for _ in range(2):  # it is tried again, and said again
        report = collection.ingest([pictures])
        assert [(skip.path, skip.reason) for skip in report.captions_failed] == [
            (sidecar, "it is no UTF-8: save it as that")
        ]
    assert captions(collection) == {"a.png": [("red", "sidecar")]}


def test_a_pipe_named_like_a_sidecar_is_never_opened(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    os.mkfifo(pictures / "a.txt")
    assert changed(collection.ingest([pictures])) == (0, 0)


def test_a_picture_may_have_a_thousand_captions(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    write(pictures / "a.txt", "\n".join(f"red {number}" for number in range(1_000)))
    assert changed(collection.ingest([pictures])) == (1_000, 0)
    assert all(embedded for _, _, embedded in rows(collection))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", 'filepath,title\na.png,"red, so ""red""\nindeed"\nin/b.png,blue\n'),
        ("t.tsv", 'image\tcaption\na.png\t"red, so ""red""\nindeed"\nin/b.png\tblue\n'),
        (
            "t.jsonl",
            '{"image": "a.png", "caption": "red, so \\"red\\"\\nindeed"}\n'
            '{"image": "./in/b.png", "caption": "blue"}\n',
        ),
    ],
)
def test_a_table_gives_captions_by_paths_relative_to_itself(
    collection: Collection, pictures: Path, paint: Paint, name: str, content: str
) -> None:
    paint("a.png", "red")
    paint("in/b.png", "blue")
    table = write(pictures / name, content)
    collection.ingest([pictures], IngestOptions(captions=(table,)))
    assert captions(collection) == {
        "a.png": [('red, so "red"\nindeed', "table")],
        "b.png": [("blue", "table")],
    }


def test_a_table_is_remembered_and_its_changes_are_picked_up(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    table = write(pictures / "t.csv", "filepath,title\na.png,red\na.png,green\n")
    collection.ingest([pictures], IngestOptions(captions=(table,)))
    kept, _ = rows(collection)
    write(table, "filepath,title\na.png,blue\na.png,red\n")
    assert changed(collection.ingest()) == (1, 1)
    assert rows(collection)[0] == kept
    table.unlink()
    assert changed(collection.ingest()) == (0, 2)
    assert captions(collection) == {}


def test_a_table_is_read_again_for_pictures_that_come_later(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    table = write(pictures / "t.csv", "filepath,title\na.png,red\nb.png,blue\nc.png,x\n")
    report = collection.ingest([pictures], IngestOptions(captions=(table,)))
    (missing,) = report.captions_failed
    assert missing.reason == "2 pictures that it names are not in the collection, first 'b.png'"
    paint("b.png", "blue")
    assert changed(collection.ingest()) == (1, 0)


def test_bad_lines_of_a_table_are_left_out_with_their_numbers(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    lines = [b"filepath,title", b"a.png,red", b"a.png,B\xe4r", b"a.png,x,y", b"a.png", b",x"]
    lines += [b"a.png,nul\0", b"a.png," + b"x" * 100_000, b"a.png,=cmd()"]
    (pictures / "t.csv").write_bytes(b"\xef\xbb\xbf" + b"\n".join(lines))  # row 39
    options = IngestOptions(captions=(pictures / "t.csv",))
    report = collection.ingest([pictures], options)
    assert captions(collection)["a.png"] == [("red", "table"), ("=cmd()", "table")]
    assert [skip.reason for skip in report.captions_failed] == [
        "line 3: it is no UTF-8: save it as that",
        "line 4: it has more fields than the header",
        "line 5: it has no caption",
        "line 6: it names no picture",
        "line 7: it holds a NUL",
        "line 8: its caption is too long",
    ]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("t.csv", b"picture,words\na.png,red\n", "no column filepath, image"),
        ("t.csv", b"filepath,words\na.png,red\n", "no column title, caption"),
        ("t.csv", b"", "no column filepath"),
        ("t.tsv", b"filepath,title\na.png,red\n", "no column filepath"),
        ("t.xlsx", b"PK", "of an unknown kind"),
        ("t.csv", b"\x89PNG\r\n\x1a\n\0\0\0", "no column filepath"),
    ],
)
def test_what_is_no_table_of_captions_is_refused_before_anything_is_written(
    collection: Collection, pictures: Path, paint: Paint, name: str, content: bytes, reason: str
) -> None:
    paint("a.png", "red")
    (pictures / name).write_bytes(content)
    with pytest.raises(CaptionsUnreadable, match=reason):
        collection.ingest([pictures], IngestOptions(captions=(pictures / name,)))
    assert not collection.exists


def test_a_table_that_is_not_there_is_refused(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    with pytest.raises(PathMissing):
        collection.ingest([pictures], IngestOptions(captions=(pictures / "t.csv",)))


def test_a_table_on_a_disk_that_is_away_keeps_its_captions(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    away = pictures.parent / "away"
    away.mkdir()
    table = write(away / "t.csv", "filepath,title\n../pictures/a.png,red\n")
    collection.ingest([pictures], IngestOptions(captions=(table,)))
    shutil.rmtree(away)
    report = collection.ingest()
    assert report.captions_failed[0].reason == "no such file or directory; its captions stay"
    assert captions(collection) == {"a.png": [("red", "table")]}
    assert changed(collection.ingest((), IngestOptions(prune=True))) == (0, 1)


def test_a_table_taken_out_is_forgotten(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    table = write(pictures / "t.csv", "filepath,title\na.png,red\n")
    collection.ingest([pictures], IngestOptions(captions=(table,)))
    collection.remove(under=[table])
    assert captions(collection) == {}
    paint("b.png", "blue")
    assert changed(collection.ingest()) == (0, 0)


def test_a_caption_that_is_no_text_for_sqlite_is_kept_as_far_as_it_goes(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    write(pictures / "a.json", '{"caption": "red \\ud800 \\u001b\\u0000"}')
    collection.ingest([pictures])
    assert captions(collection) == {"a.png": [("red ? \x1b\0", "sidecar")]}
    assert changed(collection.ingest([pictures])) == (0, 0)


def test_captions_wait_for_the_next_writer_where_the_work_was_stopped(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    class Stopping(ColourTowers):
        def embed_texts(self, texts: Sequence[str]) -> Embeddings:
            raise KeyboardInterrupt

    paint("a.png", "red")
    write(pictures / "a.txt", "red\n")
    with pytest.raises(KeyboardInterrupt):
        Collection(home=collection.home, tower=Stopping()).ingest([pictures])
    assert rows(collection) == [(1, "red", False)]
    collection.ingest([pictures])
    assert rows(collection) == [(1, "red", True)]


@pytest.mark.parametrize("sink", [Sidecars, XmpSidecars])
def test_what_a_model_wrote_beside_a_picture_is_the_model_s(
    collection: Collection, pictures: Path, paint: Paint, sink: type[Sidecars | XmpSidecars]
) -> None:
    sink("generated:x-1").put(paint("a.png", "red"), WrittenCaption("A red wall", 0.5))
    collection.ingest([pictures])
    assert captions(collection) == {"a.png": [("A red wall", "generated:x-1")]}


def test_a_text_of_a_model_that_a_person_changed_is_the_person_s(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    Sidecars("generated:x-1").put(paint("a.png", "red"), WrittenCaption("A red wall", 0.5))
    collection.ingest([pictures])
    write(pictures / "a.txt", "A red door")
    collection.ingest([pictures])
    assert captions(collection) == {"a.png": [("A red door", "sidecar")]}


def test_a_table_that_names_a_model_gives_the_model_s_captions(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    picture = paint("a.png", "red")
    paint("b.png", "blue")
    table = pictures / "captions.csv"
    sink = CaptionTable(table, "generated:x-1")
    sink.put(picture, WrittenCaption("A red wall", 0.5))
    sink.close()
    with table.open("a") as file:
        file.write("b.png,a blue wall,,Anna\n")
    collection.ingest([pictures], IngestOptions(captions=(table,)))
    assert captions(collection) == {
        "a.png": [("A red wall", "generated:x-1")],
        "b.png": [("a blue wall", "table")],
    }
