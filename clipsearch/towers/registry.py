"""The towers that can be had: for `clipsearch models`. No model is opened and no torch imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from clipsearch.errors import TowerError
from clipsearch.settings import tower_cache
from clipsearch.towers.builtin import BUILTIN, BUILTIN_FOLDER
from clipsearch.towers.folder import TowerFolder, read_tower_folder
from clipsearch.towers.kept import kept_exports

RECOMMENDED = {
    "ViT-B-32-256/datacomp_s34b_b86k": "a good and quick general model, English",
    "MobileCLIP2-S0/dfndr2b": "convolutional and small, as accurate as many larger ones, English",
    "ViT-B-16-SigLIP2/webli": "more accurate, slower, many languages",
    "xlm-roberta-base-ViT-B-32/laion5b_s13b_b90k": "queries in a hundred languages",
    "ViT-L-14/datacomp_xl_s13b_b90k": "accurate and slow: for a GPU, or for patience; English",
}
"""Names of open_clip worth a first try, with a line on each. They are fetched when first used."""


@dataclass(frozen=True, slots=True)
class TowerListing:
    """A tower that can be named.

    `dim` and `bytes` (on disk) are None for what is not on this machine yet.
    """

    name: str
    state: Literal["built in", "kept", "to be fetched"]
    note: str
    dim: int | None = None
    bytes: int | None = None
    languages: tuple[str, ...] = ()


def available_towers(home: Path) -> list[TowerListing]:
    """The built-in towers, the exports kept under `home`, and names to recommend, in this order."""
    kept = [_kept(folder) for folder in kept_exports(tower_cache(home))]
    names = {listing.name for listing in kept}
    fresh = [
        TowerListing(name, "to be fetched", note)
        for name, note in RECOMMENDED.items()
        if name not in names
    ]
    return [*_builtin(), *kept, *fresh]


def _builtin() -> list[TowerListing]:
    try:
        folder = read_tower_folder(BUILTIN_FOLDER)
    except TowerError:
        return []
    note = "comes with clipsearch, needs no download and no torch"
    return [TowerListing(BUILTIN, "built in", note, folder.dim, folder.size, folder.text.languages)]


def _kept(folder: TowerFolder) -> TowerListing:
    note = RECOMMENDED.get(folder.name, "exported before, starts without torch")
    return TowerListing(folder.name, "kept", note, folder.dim, folder.size, folder.text.languages)
