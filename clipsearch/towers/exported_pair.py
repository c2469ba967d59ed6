"""From a folder and options to a pair of towers at the right precision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from clipsearch.errors import PrecisionRefused
from clipsearch.towers.exported import ExportedTowers
from clipsearch.towers.folder import IMAGE_INT8, TowerFolder
from clipsearch.towers.image_models import ImageModel
from clipsearch.towers.pair import TowerOptions
from clipsearch.values import Precision


def exported_pair(
    folder: TowerFolder,
    cache: Path,
    options: TowerOptions,
    image_model: Callable[[], ImageModel] | None = None,
) -> ExportedTowers:
    """The pair of a folder at the precision that the options ask for. Raises PrecisionRefused."""
    precision = chosen_precision(folder, options)
    if precision == "int8" and IMAGE_INT8 not in folder.files:
        reason = f"its folder has no {IMAGE_INT8}"
        raise PrecisionRefused(folder.name, "int8", reason)
    return ExportedTowers(folder, precision, cache, image_model)


def chosen_precision(folder: TowerFolder, options: TowerOptions) -> Precision:
    """What is asked for; "auto" is what the folder recommends."""
    return folder.auto if options.precision == "auto" else options.precision
