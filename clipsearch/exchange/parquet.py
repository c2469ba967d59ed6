"""Parquet files by pyarrow, which is an extra: read in small batches and within limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from clipsearch.errors import ExtraMissing
from clipsearch.exchange_errors import ExchangeUnreadable

BATCH = 1024
MOST_COLUMNS = 256
LONGEST_TEXT = 1 << 20
LARGEST_BATCH = 1 << 30
# A footer is parsed before anything can be known of it.
_THRIFT_BYTES, _THRIFT_ITEMS = 16 << 20, 1 << 20


def pyarrow() -> ModuleType:
    """The library, parquet included. Raises ExtraMissing."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ExtraMissing("exchange", "reading and writing parquet") from None
    module: ModuleType = pyarrow
    return module


class Table:
    """The rows of a parquet file; columns of texts, numbers and booleans, the others left out."""

    def __init__(self, path: Path) -> None:
        """Read the footer. Raises ExchangeUnreadable, ExtraMissing."""
        self.path = path
        self._arrow = pyarrow()
        with self._named_errors():
            self._file = self._arrow.parquet.ParquetFile(
                path,
                pre_buffer=False,
                buffer_size=1 << 16,
                thrift_string_size_limit=_THRIFT_BYTES,
                thrift_container_size_limit=_THRIFT_ITEMS,
            )
            self.count = int(self._file.metadata.num_rows)
            self.columns = self._simple_columns()

    def batches(self, size: int = BATCH) -> Iterator[list[dict[str, Any]]]:
        """The rows in order, each a dict without its nulls and without texts beyond 1 MiB."""
        with self._named_errors():
            for batch in self._file.iter_batches(size, columns=self.columns, use_threads=False):
                if batch.nbytes > LARGEST_BATCH:
                    raise ExchangeUnreadable(self.path, "its rows are larger than any text is")
                yield [_cleaned(row) for row in batch.to_pylist()]

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _simple_columns(self) -> list[str]:
        types, schema = self._arrow.types, self._file.schema_arrow
        tests = (types.is_string, types.is_large_string, types.is_integer, types.is_boolean)
        simple = [
            field.name
            for field in schema
            if any(test(_plain(types, field.type)) for test in (*tests, types.is_floating))
        ]
        if len(simple) > MOST_COLUMNS or len(set(simple)) < len(simple):
            raise ExchangeUnreadable(self.path, "its columns are too many, or of one name")
        return simple

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, self._arrow.ArrowException) as error:
            said = str(error).strip().splitlines() or [type(error).__name__]
            raise ExchangeUnreadable(
                self.path, f"it is no whole parquet file ({said[0]})"
            ) from error


class TableWriter:
    """Writes rows of a few named columns, group by group."""

    def __init__(self, path: Path, columns: Sequence[tuple[str, str]]) -> None:
        """Begin a file; `columns` are names with Arrow's names of their types."""
        arrow = pyarrow()
        self._arrow = arrow
        types = {"string": arrow.string(), "int64": arrow.int64()}
        self._schema = arrow.schema([(name, types[kind]) for name, kind in columns])
        self._writer = arrow.parquet.ParquetWriter(path, self._schema, compression="zstd")

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write a group of rows."""
        self._writer.write_table(self._arrow.Table.from_pylist(list(rows), schema=self._schema))

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()


def _plain(types: Any, kind: Any) -> Any:
    """The type of the values, where they stand in a dictionary."""
    return kind.value_type if types.is_dictionary(kind) else kind


def _cleaned(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in row.items()
        if value is not None and not (isinstance(value, str) and len(value) > LONGEST_TEXT)
    }
