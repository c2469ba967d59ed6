"""The catalogue's tables, and how a catalogue of an earlier clipsearch becomes one of this.

An image is a content (its fingerprint is unique); a file is a place where that content lies.
Image ids grow and are never given twice, and an image's embedding never changes: so an index
built yesterday is right about every id that still stands here.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

from clipsearch.catalogue.opening import APPLICATION_ID, SCHEMA_VERSION

metadata = MetaData()

facts = Table(
    "facts",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

roots = Table(
    "roots",
    metadata,
    Column("path", LargeBinary, primary_key=True),
    # 'given' by the user, or a 'mount' met beneath a given root
    Column("kind", Text, nullable=False),
    Column("exclude", Text, nullable=False, server_default="[]"),
    # 1 where names that begin with a dot were asked for
    Column("hidden", Integer, nullable=False, server_default="0"),
)

images = Table(
    "images",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False, unique=True),
    Column("format", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("bytes", Integer, nullable=False, index=True),
    Column("taken", Text, index=True),
    Column("camera", Text, index=True),
    Column("latitude", Float, index=True),
    Column("longitude", Float),
    Column("notes", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    # 1 for a picture that a program added: it stays although no file holds it
    Column("kept", Integer, nullable=False, server_default="0"),
    sqlite_autoincrement=True,
)

files = Table(
    "files",
    metadata,
    # the bytes of the name, since a name need not be UTF-8
    Column("path", LargeBinary, primary_key=True),
    Column("image_id", ForeignKey("images.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("size", Integer, nullable=False),
    Column("mtime_ns", Integer, nullable=False),
)

embeddings = Table(
    "embeddings",
    metadata,
    Column("image_id", ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    # little-endian float32 [dim]
    Column("embedding", LargeBinary, nullable=False),
)

captions = Table(
    "captions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("image_id", ForeignKey("images.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("text", Text, nullable=False),
    Column("source", Text, nullable=False),
    # 'caption', or 'keywords' (one row holds them all, joined by ", ")
    Column("kind", Text, nullable=False, server_default="caption"),
    # the file that the text was read from, as bytes; NULL for what a program said
    Column("file", LargeBinary, index=True),
    # little-endian float32 [dim]; NULL until the collection's tower embedded it, empty where it
    # cannot read the text
    Column("embedding", LargeBinary),
    # an id is never given twice and its text never changes, so an index of captions may lag
    sqlite_autoincrement=True,
)

# The few captions that no search by embedding finds, so that none has to look at all.
Index(
    "ix_captions_without_embedding",
    captions.c.id,
    sqlite_where=text("embedding IS NULL OR embedding = x''"),
)

caption_files = Table(
    "caption_files",
    metadata,
    # as it was when it was read; NULL where it is to be read, whatever its size and time
    Column("path", LargeBinary, primary_key=True),
    # a 'sidecar' met beside a picture, or a 'table' that the user named
    Column("kind", Text, nullable=False),
    Column("size", Integer),
    Column("mtime_ns", Integer),
    # how many captions it held for pictures of the collection
    Column("captions", Integer, nullable=False, server_default="0"),
)

sketches = Table(
    "sketches",
    metadata,
    Column("image_id", ForeignKey("images.id", ondelete="CASCADE"), primary_key=True),
    # the upright picture in greys, uint8 [32, 32]: its perceptual hash, and more
    Column("sketch", LargeBinary, nullable=False),
)

background = Table(
    "background",
    metadata,
    # one row: what everyday texts score on the pictures (clipsearch.calibration)
    Column("id", Integer, primary_key=True),
    # the tower's digest, the texts' digest, the key of the index generation it was measured at
    Column("tower", Text, nullable=False),
    Column("texts", Text, nullable=False),
    Column("generation", Text, nullable=False),
    Column("figures", Text, nullable=False),
    # little-endian float16 [n, dim]: of the texts, and of a sample of the pictures
    Column("text_embeddings", LargeBinary, nullable=False),
    Column("sample", LargeBinary, nullable=False),
)

words_stale = Table(
    "words_stale",
    metadata,
    # images whose row in `words` no longer says what the other tables say
    Column("image_id", Integer, primary_key=True),
)

skips = Table(
    "skips",
    metadata,
    Column("path", LargeBinary, primary_key=True),
    Column("code", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("size", Integer),
    Column("mtime_ns", Integer),
)


# What can be found by its words, a row an image: derived from captions and files, and brought
# up by `catalogue.words`. The triggers note what has to be brought up, whoever wrote. OR IGNORE
# would not do in them: SQLite holds a trigger to the ON CONFLICT of the statement that fires it.
_SAID = {"captions": "image_id, text, source, kind", "files": "image_id, path"}
_NOTE = (
    "INSERT INTO words_stale SELECT {row}.image_id "
    "WHERE {row}.image_id NOT IN (SELECT image_id FROM words_stale); "
)
_WORDS = (
    "CREATE VIRTUAL TABLE words USING fts5(captions, generated, keywords, names, "
    "tokenize = 'porter unicode61 remove_diacritics 2')",
    *(
        f"CREATE TRIGGER words_{table}_{event.lower()} AFTER {event}"
        f"{f' OF {columns}' if event == 'UPDATE' else ''} ON {table} BEGIN "
        + "".join(_NOTE.format(row=row) for row in rows)
        + "END"
        for table, columns in _SAID.items()
        for event, rows in (("INSERT", ("new",)), ("UPDATE", ("old", "new")), ("DELETE", ("old",)))
    ),
    "CREATE TRIGGER words_images_delete AFTER DELETE ON images BEGIN "
    "DELETE FROM words WHERE rowid = old.id; END",
)


def create_schema(connection: Connection) -> None:
    """Make the tables of an empty database and sign it as ours."""
    metadata.create_all(connection)
    for statement in _WORDS:
        connection.execute(text(statement))
    connection.execute(text(f"PRAGMA application_id = {APPLICATION_ID}"))
    connection.execute(text(f"PRAGMA user_version = {SCHEMA_VERSION}"))


def migrate_schema(connection: Connection, found: int) -> None:
    """Bring a catalogue of schema `found` to the present one, inside one transaction."""
    for version in range(found, SCHEMA_VERSION):
        _STEPS[version](connection)
    for table in metadata.sorted_tables:
        for index in table.indexes:
            index.create(connection, checkfirst=True)
    connection.execute(text(f"PRAGMA user_version = {SCHEMA_VERSION}"))


def _remember_exclusions_and_mounts(connection: Connection) -> None:
    """Schema 1 knew given roots alone, and forgot what was excluded from them."""
    connection.execute(text("ALTER TABLE roots ADD COLUMN kind TEXT NOT NULL DEFAULT 'given'"))
    connection.execute(text("ALTER TABLE roots ADD COLUMN exclude TEXT NOT NULL DEFAULT '[]'"))


def _remember_hidden_names(connection: Connection) -> None:
    """Schema 2 forgot that hidden names were asked for."""
    connection.execute(text("ALTER TABLE roots ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0"))


def _learn_words_and_sketches(connection: Connection) -> None:
    """Schema 3 kept captions without kind or file, and gave their ids twice."""
    connection.execute(text("ALTER TABLE captions RENAME TO captions_3"))
    connection.execute(text("DROP INDEX IF EXISTS ix_captions_image_id"))
    for table in (captions, caption_files, sketches, background, words_stale):
        table.create(connection)
    columns = "id, image_id, text, source, embedding"
    connection.execute(
        text(f"INSERT INTO captions ({columns}) SELECT {columns} FROM captions_3 ORDER BY id")
    )
    connection.execute(text("DROP TABLE captions_3"))
    for statement in _WORDS:
        connection.execute(text(statement))
    connection.execute(text("INSERT OR IGNORE INTO words_stale SELECT id FROM images"))


_STEPS: dict[int, Callable[[Connection], None]] = {
    1: _remember_exclusions_and_mounts,
    2: _remember_hidden_names,
    3: _learn_words_and_sketches,
}
