"""The catalogue's file: made whole, refused when foreign, migrated when old."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from clipsearch.catalogue import FILE_NAME, Catalogue, reading, transaction, writing
from clipsearch.catalogue.connections import Source
from clipsearch.catalogue.opening import SCHEMA_VERSION
from clipsearch.errors import CatalogueDamaged, CatalogueForeign, CatalogueTooNew
from clipsearch.values import Caption, FoundFile, ImageInfo, TowerIdentity

TOWER = TowerIdentity("colours", 4, "fp32", "d" * 64)
EMBEDDING = np.array([1, 0, 0, 0], np.float32)


def schema_1(path: Path) -> None:
    """A catalogue as the first schema wrote it, with a root and an image."""
    with closing(sqlite3.connect(path)) as old:
        old.executescript(
            """
            CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL);
            CREATE TABLE roots (path BLOB PRIMARY KEY);
            CREATE TABLE images (
                id INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint BLOB NOT NULL UNIQUE,
                format TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
                bytes INTEGER NOT NULL, taken TEXT, camera TEXT, latitude FLOAT,
                longitude FLOAT, notes TEXT NOT NULL, metadata TEXT NOT NULL,
                kept INTEGER NOT NULL DEFAULT 0);
            CREATE TABLE files (
                path BLOB PRIMARY KEY, image_id INTEGER NOT NULL REFERENCES images(id)
                ON DELETE CASCADE, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL);
            CREATE TABLE embeddings (
                image_id INTEGER PRIMARY KEY REFERENCES images(id) ON DELETE CASCADE,
                embedding BLOB NOT NULL);
            CREATE TABLE captions (
                id INTEGER PRIMARY KEY, image_id INTEGER NOT NULL REFERENCES images(id)
                ON DELETE CASCADE, text TEXT NOT NULL, source TEXT NOT NULL, embedding BLOB);
            CREATE TABLE skips (
                path BLOB PRIMARY KEY, code TEXT NOT NULL, reason TEXT NOT NULL,
                size INTEGER, mtime_ns INTEGER);
            INSERT INTO facts VALUES ('tower',
                '{"name": "colours", "dim": 4, "precision": "fp32", "digest": "d"}');
            INSERT INTO roots VALUES (CAST('/photos' AS BLOB));
            INSERT INTO images VALUES (7, x'aa', 'JPEG', 5, 5, 9, NULL, NULL, NULL, NULL,
                '[]', '{}', 0);
            INSERT INTO files VALUES (CAST('/photos/a.jpg' AS BLOB), 7, 9, 1);
            INSERT INTO embeddings VALUES (7, x'0000803f000000000000000000000000');
            PRAGMA application_id = 1129072976;
            PRAGMA user_version = 1;
            """
        )
        old.commit()


def schema_2(path: Path) -> None:
    """A catalogue as the second schema wrote it: the first one's, with kinds and exclusions."""
    schema_1(path)
    with closing(sqlite3.connect(path)) as old:
        old.executescript(
            """
            ALTER TABLE roots ADD COLUMN kind TEXT NOT NULL DEFAULT 'given';
            ALTER TABLE roots ADD COLUMN exclude TEXT NOT NULL DEFAULT '[]';
            UPDATE roots SET exclude = '["drafts"]';
            PRAGMA user_version = 2;
            """
        )
        old.commit()


def schema_3(path: Path) -> None:
    """A catalogue as the third schema wrote it: hidden names remembered, and a caption."""
    schema_2(path)
    with closing(sqlite3.connect(path)) as old:
        old.executescript(
            """
            ALTER TABLE roots ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
            CREATE INDEX ix_captions_image_id ON captions (image_id);
            INSERT INTO captions VALUES (3, 7, 'a cat', 'human', NULL);
            PRAGMA user_version = 3;
            """
        )
        old.commit()


def image(fingerprint: bytes) -> ImageInfo:
    return ImageInfo(fingerprint, "JPEG", 4, 3, 100)


def test_a_new_catalogue_is_signed_in_its_first_bytes(tmp_path: Path) -> None:
    Catalogue.create(tmp_path, TOWER).close()
    header = (tmp_path / FILE_NAME).read_bytes()[:100]
    assert header[68:72] == b"CLIP"
    assert int.from_bytes(header[60:64], "big") == SCHEMA_VERSION


def test_a_catalogue_keeps_whose_embeddings_it_holds(tmp_path: Path) -> None:
    Catalogue.create(tmp_path, TOWER).close()
    with Catalogue.open(tmp_path) as opened:
        assert opened.tower() == TOWER


@pytest.mark.parametrize(
    ("write", "excluded"), [(schema_1, ()), (schema_2, ("drafts",)), (schema_3, ("drafts",))]
)
def test_a_catalogue_of_an_earlier_schema_is_migrated_with_its_rows(
    write: Callable[[Path], None], excluded: tuple[str, ...], tmp_path: Path
) -> None:
    write(tmp_path / FILE_NAME)
    with Catalogue.open(tmp_path) as migrated, migrated.reader() as connection:
        assert reading.known_roots(connection, "given") == [Path("/photos")]
        assert reading.exclusions(connection, Path("/photos")) == excluded
        assert not reading.hidden_names(connection, Path("/photos"))
        assert reading.images_of(connection, [7])[7].paths == (Path("/photos/a.jpg"),)
        version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    assert version == SCHEMA_VERSION


@pytest.mark.parametrize("write", [schema_1, schema_2, schema_3])
def test_a_migrated_catalogue_has_the_tables_of_a_new_one(
    write: Callable[[Path], None], tmp_path: Path
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    write(old / FILE_NAME)
    Catalogue.create(new, TOWER).close()
    assert columns(old) == columns(new)


def test_captions_of_the_third_schema_stay_and_their_words_are_to_be_learnt(
    tmp_path: Path,
) -> None:
    schema_3(tmp_path / FILE_NAME)
    with Catalogue.open(tmp_path) as migrated, migrated.reader() as connection:
        assert reading.images_of(connection, [7])[7].captions == (Caption("a cat"),)
        assert connection.exec_driver_sql("SELECT * FROM words_stale").all() == [(7,)]


def columns(folder: Path) -> dict[str, set[str]]:
    with Catalogue.open(folder) as catalogue, catalogue.reader() as connection:
        tables = connection.exec_driver_sql(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).scalars()
        return {
            table: {row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})")}
            for table in tables.all()
        }


def test_a_migration_that_is_interrupted_leaves_the_old_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema_1(tmp_path / FILE_NAME)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("clipsearch.catalogue.database.migrate_schema", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Catalogue.open(tmp_path)
    monkeypatch.undo()
    with Catalogue.open(tmp_path) as catalogue:
        assert columns(tmp_path)["roots"] == {"path", "kind", "exclude", "hidden"}
        assert catalogue.faults() == []


def test_an_empty_file_is_refused_and_stays_empty(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).touch()  # row 49: SQLite would take it for an empty database
    with pytest.raises(CatalogueForeign, match="it is empty"):
        Catalogue.open(tmp_path)
    assert (tmp_path / FILE_NAME).stat().st_size == 0


def test_another_programs_database_is_refused_and_untouched(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as other:
        other.execute("CREATE TABLE mine (x)")
        other.commit()
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(CatalogueForeign, match="another program"):
        Catalogue.open(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == before


def test_a_garbage_header_is_refused_and_untouched(tmp_path: Path) -> None:
    Catalogue.create(tmp_path, TOWER).close()
    path = tmp_path / FILE_NAME
    damaged = b"\xff" * 100 + path.read_bytes()[100:]
    path.write_bytes(damaged)  # row 48
    with pytest.raises(CatalogueForeign, match="no SQLite database"):
        Catalogue.open(tmp_path)
    assert path.read_bytes() == damaged


def test_a_catalogue_of_a_later_clipsearch_is_refused(tmp_path: Path) -> None:
    Catalogue.create(tmp_path, TOWER).close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with pytest.raises(CatalogueTooNew, match="pip install -U"):
        Catalogue.open(tmp_path)


def test_an_overwritten_page_is_found(tmp_path: Path) -> None:
    filled(tmp_path, 300)
    path = tmp_path / FILE_NAME
    content = bytearray(path.read_bytes())
    content[3 * 4096 : 6 * 4096] = b"\xa5" * (3 * 4096)  # row 48
    path.write_bytes(content)
    assert faults_of(tmp_path)


def test_a_truncated_catalogue_is_found(tmp_path: Path) -> None:
    filled(tmp_path, 300)
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes()[: 5 * 4096 + 17])
    assert faults_of(tmp_path)


def faults_of(folder: Path) -> list[str]:
    """What opening and checking say is wrong."""
    try:
        with Catalogue.open(folder) as catalogue:
            return catalogue.faults()
    except CatalogueDamaged as error:
        return [error.detail]


def filled(folder: Path, count: int) -> None:
    with (
        Catalogue.create(folder, TOWER) as catalogue,
        catalogue.writer() as connection,
        transaction(connection),
    ):
        for number in range(count):
            info = image(number.to_bytes(32, "big"))
            image_id = writing.insert_image(connection, info, EMBEDDING)
            writing.put_file(connection, FoundFile(Path(f"/p/{number}.jpg"), 1, 1), image_id)


def test_a_name_that_is_not_utf8_comes_back_as_it_was(tmp_path: Path) -> None:
    name = Path("/p") / b"\xff\xfe.jpg".decode("utf-8", "surrogateescape")  # row 31
    with Catalogue.create(tmp_path, TOWER) as catalogue, catalogue.writer() as connection:
        with transaction(connection):
            image_id = writing.insert_image(connection, image(b"a" * 32), EMBEDDING)
            writing.put_file(connection, FoundFile(name, 1, 1), image_id)
        assert reading.images_of(connection, [image_id])[image_id].path == name


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with Catalogue.create(tmp_path, TOWER) as catalogue, catalogue.writer() as connection:
        with contextlib.suppress(RuntimeError), transaction(connection):
            writing.insert_image(connection, image(b"a" * 32), EMBEDDING)
            raise RuntimeError
        assert reading.count_images(connection) == 0


def test_an_id_is_never_given_twice(tmp_path: Path) -> None:
    with Catalogue.create(tmp_path, TOWER) as catalogue, catalogue.writer() as connection:
        with transaction(connection):
            first = writing.insert_image(connection, image(b"a" * 32), EMBEDDING)
        with transaction(connection):
            writing.remove(connection, [first], [])
            second = writing.insert_image(connection, image(b"b" * 32), EMBEDDING)
    assert second > first


def test_a_folder_that_cannot_be_written_is_read(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    with closing(sqlite3.connect(f"file:{tmp_path / FILE_NAME}?mode=ro&immutable=1", uri=True)):
        pass
    source = Source(tmp_path / FILE_NAME, "mode=ro&immutable=1")
    with Catalogue(tmp_path / FILE_NAME, source) as catalogue, catalogue.reader() as connection:
        assert reading.count_images(connection) == 3
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_a_file_can_be_written_again_before_its_words_are_brought_up(tmp_path: Path) -> None:
    info = ImageInfo(b"f" * 32, "PNG", 4, 3, 10)
    with (
        Catalogue.create(tmp_path, TOWER) as catalogue,
        catalogue.writer() as connection,
        transaction(connection),
    ):
        image_id = writing.insert_image(connection, info, EMBEDDING)
        for mtime_ns in (1, 2):
            writing.put_file(connection, FoundFile(Path("/a.png"), 10, mtime_ns), image_id)
        assert reading.images_of(connection, [image_id])[image_id].paths == (Path("/a.png"),)
