"""What can go wrong on the way out and in: the branch ExchangeError of `errors`."""

from __future__ import annotations

from pathlib import Path

from clipsearch.errors import ClipsearchError


class ExchangeError(ClipsearchError):
    """Embeddings cannot be handed over."""


class ExportInTheWay(ExchangeError):
    """Something stands where a folder is to be written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"{str(path)!r} is there already, and nothing is written over: name another folder."
        )


class ExchangeUnreadable(ExchangeError):
    """A folder of embeddings is not whole, or is none; nothing was written."""

    def __init__(self, path: Path, detail: str) -> None:
        self.path, self.detail = path, detail
        super().__init__(
            f"cannot take in {str(path)!r}: {detail}. Nothing was written. A folder of embeddings "
            "has img_emb/img_emb_0.npy, metadata/metadata_0.parquet and so on, as clip-retrieval "
            "and `clipsearch export` write them."
        )


class EmbeddingsRefused(ExchangeError):
    """Embeddings from elsewhere are not what a collection can hold; nothing was written.

    `row` counts from 0 within the file; None where the whole file is at fault.
    """

    def __init__(self, path: Path, row: int | None, detail: str, way_out: str) -> None:
        self.path, self.row, self.detail = path, row, detail
        place = f"row {row} of {str(path)!r}" if row is not None else repr(str(path))
        super().__init__(f"{place} {detail}. Nothing was written. {way_out}")


class TowerUnnamed(ExchangeError):
    """Nothing says which tower made the embeddings."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"{str(path)!r} does not say which tower made its embeddings: name it with "
            "`--tower`, for example `--tower ViT-B-32/laion2b_s34b_b79k`."
        )
