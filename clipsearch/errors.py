"""Everything that can go wrong, by name.

ClipsearchError
├── HomeError
│   ├── HomeUnwritable          the home folder cannot be written
│   ├── StorageFull             no space is left
│   └── SpaceShort              (in clipsearch.migration_errors) less space than will be needed
├── CollectionError
│   ├── CollectionMissing       no collection of that name yet
│   ├── BadCollectionName       the name cannot be a folder's
│   ├── CollectionHeld          another process writes it
│   ├── CatalogueDamaged        the catalogue's file is not whole
│   ├── CatalogueForeign        the file is no catalogue of ours
│   ├── CatalogueTooNew         a later clipsearch wrote it
│   ├── GenerationDamaged       an index on disk is not what was published
│   ├── MigrationUnfinished     (there) a migration to another tower was begun
│   └── MigrationIncomplete     (there) images cannot be read again for the new tower
├── TowerError
│   ├── TowerMissing            no such tower here
│   ├── TowerUnsafe             its files would run code or leave their folder
│   ├── TowerMismatch           embeddings of two towers would meet
│   ├── TowerOutdated           (there) its built-in tower is of an earlier version
│   ├── TowerReplaced           (there) another tower took its place meanwhile
│   ├── PrecisionRefused        the tower is not faithful enough at that precision
│   └── ExtraMissing            an optional dependency is needed
├── QueryError
│   ├── EmptyQuery              nothing was asked
│   ├── BadFilter               (in clipsearch.filters) no image could ever pass
│   ├── ProbabilityUnknown      nothing says how probable the hits are
│   ├── UnreadableScript        the tower cannot read that script
│   └── UnreadableQueryImage    the query's picture cannot be read
├── TrainingError               (in clipsearch.training_errors)
│   ├── EmptySplit              no captioned picture to train or to measure on
│   ├── ClassNamesUnusable      class names that go with no picture or tower
│   ├── DevInsideTrain          a picture is both trained and measured on
│   ├── LossNotFinite           the loss became NaN; the last checkpoint stands
│   ├── ResumeDiffers           a run is taken up with other settings or data
│   ├── RunInTheWay             a run or a model stands where one is to be written
│   └── ModelGotWorse           the trained model is no better than its start
├── EvaluationError             (in clipsearch.evaluation_errors)
│   ├── SourceUnreadable        captions or their pictures cannot be opened at all
│   ├── NothingToMeasure        no picture that can be measured is left
│   └── BadTemplates            a prompt template has no place for a name
├── CaptioningError             (in clipsearch.captioning_errors)
│   ├── CaptionerMissing        a folder holds no whole captioner
│   ├── CaptionerUnusable       one of transformers or open_clip is not there, or fails
│   ├── CaptionerMismatch       it was trained on what another image tower sees
│   ├── QuestionRefused         a question with its choices makes no sense
│   ├── ChoicesMissing          a question is open, and nothing here answers it freely
│   ├── RerankRefused           a query cannot be ranked again by it
│   └── TableInTheWay           a file that is no table of captions stands there
├── ServerError                 (in clipsearch.server_errors)
│   ├── BadServerName           a server's spelling says nothing, or too much
│   ├── BadServerKey            what is given as a key can be none
│   ├── ServerUnreachable       nothing answers there, or too slowly
│   ├── ServerRefused           the key or the model is not the right one
│   ├── ServerFailed            the server is at fault or busy
│   └── ServerUnintelligible    what answers does not speak the API
├── ExchangeError               (in clipsearch.exchange_errors)
│   ├── ExportInTheWay          something stands where a folder is to be written
│   ├── ExchangeUnreadable      a folder of embeddings is not whole, or is none
│   ├── EmbeddingsRefused       embeddings that a collection cannot hold
│   └── TowerUnnamed            nothing says which tower made the embeddings
├── WrongArgument               a program gave a value of another kind
└── IngestError
    ├── PathMissing             a path given does not exist
    ├── NothingReadable         nothing at all could be read
    ├── CaptionsUnreadable      a table of captions given is none
    ├── EmbeddingUnusable       an embedding given is not a finite [n, d] array
    ├── NoRoots                 there is nothing to rescan
    └── DecodingUnavailable     the processes that decode pictures cannot start

The library raises these; only the command line turns them into words and exit codes.
Programming mistakes stay ValueError and TypeError.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clipsearch.wording import collection_flag, described_tower, tower_flags, way_to_fp32

if TYPE_CHECKING:
    from clipsearch.values import Skip, TowerIdentity


class ClipsearchError(Exception):
    """A named state that a user can meet; the message says what happened and the way out."""


class WrongArgument(ClipsearchError, TypeError):
    """A program gave a value of another kind than is asked for."""

    def __init__(self, name: str, wanted: str, given: object) -> None:
        self.name, self.wanted, self.given = name, wanted, given
        super().__init__(f"`{name}` is to be {wanted}, not {type(given).__name__} ({given!r:.80}).")


class HomeError(ClipsearchError):
    """The home folder does not serve."""


class HomeUnwritable(HomeError):
    """The home folder cannot be written."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(
            f"cannot write {path}: {reason}. Make it writable, or name another home with "
            "CLIPSEARCH_HOME."
        )


class StorageFull(HomeError):
    """No space is left where the collection lives; what was committed stays."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"no space left for {path}. Nothing that was committed is lost: free some space "
            "and run the command again."
        )


class CollectionError(ClipsearchError):
    """A collection does not serve."""


class CollectionMissing(CollectionError):
    """No collection of that name exists yet."""

    def __init__(self, name: str, home: Path) -> None:
        self.name, self.home = name, home
        super().__init__(
            f"there is no collection {name!r} in {home}: `clipsearch list` shows those there are, "
            f"and `clipsearch index DIR{collection_flag(name)}` makes it."
        )


class BadCollectionName(CollectionError):
    """The name cannot name a collection."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"{name!r} cannot name a collection: use 1 to 64 letters, digits, '.', '_' and "
            "'-', beginning with a letter or digit."
        )


class CollectionHeld(CollectionError):
    """Another process writes the collection."""

    def __init__(self, name: str, pid: int | None) -> None:
        self.name, self.pid = name, pid
        who = f"process {pid}" if pid else "another process"
        super().__init__(
            f"{who} is writing the collection {name!r}. Wait for it (`--wait SECONDS`), or "
            "stop it; queries go on meanwhile."
        )


class CatalogueDamaged(CollectionError):
    """The catalogue's file is not whole; it is left untouched."""

    def __init__(self, path: Path, detail: str) -> None:
        self.path, self.detail = path, detail
        super().__init__(
            f"the catalogue {path} is damaged ({detail}). It was left as it is: restore it "
            "from a backup, or move its folder away and index again."
        )


class CatalogueForeign(CollectionError):
    """The file is no catalogue of clipsearch."""

    def __init__(self, path: Path, detail: str) -> None:
        self.path, self.detail = path, detail
        super().__init__(
            f"{path} is no clipsearch catalogue ({detail}). It was left as it is: restore the "
            "catalogue from a backup, or move its folder away and index again."
        )


class CatalogueTooNew(CollectionError):
    """A later clipsearch wrote the catalogue."""

    def __init__(self, path: Path, found: int, known: int) -> None:
        self.path, self.found, self.known = path, found, known
        super().__init__(
            f"the catalogue {path} has schema {found}, this clipsearch knows up to {known}. "
            "Upgrade: pip install -U clipsearch."
        )


class GenerationDamaged(CollectionError):
    """An index on disk is not what was published; the catalogue still holds everything."""

    def __init__(self, path: Path, detail: str) -> None:
        self.path, self.detail = path, detail
        # HOME/collections/NAME/generations/000001; a program's own folder has no name
        *_, home, name, kept, _ = ("", "", "", *path.parts)
        flag = collection_flag(name) if (home, kept) == ("collections", "generations") else ""
        super().__init__(
            f"the index in {path} is damaged ({detail}). Nothing is lost: run "
            f"`clipsearch rebuild{flag}` to make it again from the catalogue."
        )


class TowerError(ClipsearchError):
    """A tower does not serve."""


class TowerMissing(TowerError):
    """No such tower here."""

    def __init__(self, name: str, detail: str) -> None:
        self.name, self.detail = name, detail
        super().__init__(
            f"the tower {name!r} cannot be had: {detail}. See `clipsearch models` for the "
            "names that work."
        )


class TowerUnsafe(TowerError):
    """A tower's files would run code or read outside their folder; they were not loaded."""

    def __init__(self, path: Path, detail: str) -> None:
        self.path, self.detail = path, detail
        super().__init__(f"{path} was refused: {detail}. Ask its author for safetensors or ONNX.")


class TowerMismatch(TowerError):
    """Embeddings of two towers would meet in one collection."""

    def __init__(self, collection: str, held: TowerIdentity, given: TowerIdentity) -> None:
        self.collection, self.held, self.given = collection, held, given
        super().__init__(
            f"the collection {collection!r} was made with {described_tower(held)}, not with "
            f"{described_tower(given)}: their embeddings cannot be compared. Use the first, take "
            f"the collection over with `clipsearch migrate{collection_flag(collection)} "
            f"{tower_flags(given)}`, or index into another collection with `--collection NAME`."
        )


class PrecisionRefused(TowerError):
    """The tower is not faithful enough to fp32 at that precision.

    `collection` is one that stands at that precision, where it is about one.
    """

    def __init__(
        self, name: str, precision: str, detail: str, collection: str | None = None
    ) -> None:
        self.name, self.precision, self.detail = name, precision, detail
        self.collection = collection
        told = f"{name} was refused at {precision}: {detail}. {way_to_fp32(name, collection)}"
        super().__init__(told)


class ExtraMissing(TowerError):
    """An optional dependency is needed."""

    def __init__(self, extra: str, purpose: str) -> None:
        self.extra, self.purpose = extra, purpose
        super().__init__(f"{purpose} needs an extra: pip install 'clipsearch[{extra}]'.")


class QueryError(ClipsearchError):
    """A query cannot be asked."""


class EmptyQuery(QueryError):
    """Nothing was asked."""

    def __init__(self, detail: str = "give words or a picture") -> None:
        self.detail = detail
        super().__init__(f"the query is empty: {detail}.")


class ProbabilityUnknown(QueryError):
    """A least probability or an exclusion was asked for, where there are no probabilities."""

    def __init__(self, collection: str, *, in_words: bool = True) -> None:
        self.collection, self.in_words = collection, in_words
        super().__init__(
            f"the collection {collection!r} cannot say yet how probable its pictures are. Run "
            f"`clipsearch index{collection_flag(collection)}`."
            if in_words
            else "how probable a picture is, is known of queries in words alone, not of one by a "
            "picture. Leave `--min-probability` out; `--min-score` is the least cosine."
        )


_LANGUAGES = {"en": "English"}


class UnreadableScript(QueryError):
    """The tower was trained on other scripts."""

    def __init__(self, text: str, script: str, tower: str, languages: Sequence[str]) -> None:
        self.text, self.script, self.tower = text, script, tower
        self.languages = tuple(languages)
        read = ", ".join(_LANGUAGES.get(language, language) for language in languages)
        super().__init__(
            f"{tower} reads {read} and cannot read {script} script. Index into "
            "another collection with a multilingual tower, for example "
            "`--model xlm-roberta-base-ViT-B-32/laion5b_s13b_b90k`."
        )


class UnreadableQueryImage(QueryError):
    """The query's picture cannot be read."""

    def __init__(self, skip: Skip) -> None:
        self.skip = skip
        super().__init__(
            f"cannot read {str(skip.path)!r}: {skip.reason} ({skip.code}). Check its name and "
            "content, or give another picture: JPEG, PNG, WebP, GIF, TIFF, BMP, JPEG 2000, HEIC "
            "or AVIF."
        )


class IngestError(ClipsearchError):
    """Images cannot be taken in."""


class PathMissing(IngestError):
    """A path given does not exist; nothing of the collection was dropped."""

    def __init__(self, path: Path, *, known: bool = False) -> None:
        self.path, self.known = path, known
        super().__init__(
            f"{str(path)!r} does not exist. "
            + (
                "Nothing was dropped; if it is gone for good, run the command again with `--prune`."
                if known
                else "Check how it is spelled, and whether its disk is there."
            )
        )


class NothingReadable(IngestError):
    """Nothing at all could be read."""

    def __init__(
        self, paths: Sequence[Path], failed: Sequence[Skip], collection: str = "default"
    ) -> None:
        self.paths, self.failed, self.collection = tuple(paths), tuple(failed), collection
        named = ", ".join(repr(str(path)) for path in paths)
        super().__init__(
            f"none of the {len(failed)} images under {named} could be read. "
            f"`clipsearch status --failed{collection_flag(collection)}` says why."
        )


class CaptionsUnreadable(IngestError):
    """A table of captions that was given cannot be read, or lacks a column."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(
            f"cannot read the captions in {str(path)!r}: {reason}. Give a .csv, .tsv or .jsonl "
            "with a column filepath (or image) and a column title (or caption)."
        )


class EmbeddingUnusable(IngestError):
    """An embedding is not a finite, non-zero float array of the collection's width."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(
            f"the embedding cannot be used: {detail}. Leave that picture or text out; where all "
            "fail, the tower is at fault: use `--precision fp32` or another `--model`."
        )


class NoRoots(IngestError):
    """There is nothing to rescan."""

    def __init__(self, collection: str) -> None:
        self.collection = collection
        super().__init__(
            f"the collection {collection!r} has no folders to rescan: name one "
            f"(`clipsearch index DIR{collection_flag(collection)}`)."
        )


class DecodingUnavailable(IngestError):
    """The processes that decode pictures cannot start."""

    def __init__(self, command: str) -> None:
        self.command = command
        super().__init__(f"the process that decodes pictures cannot start; `{command}` says why.")
