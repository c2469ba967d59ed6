"""Hands embeddings over to other programs and takes theirs in, as clip-retrieval keeps them."""

from clipsearch.exchange.checking import Inventory, check_rows, take_inventory
from clipsearch.exchange.exporting import ExportOptions, ExportReport, export_catalogue
from clipsearch.exchange.importing import ImportReport, OnRows, import_rows
from clipsearch.exchange.incoming_rows import ImportOptions
from clipsearch.exchange.layout import tower_of

__all__ = [
    "ExportOptions",
    "ExportReport",
    "ImportOptions",
    "ImportReport",
    "Inventory",
    "OnRows",
    "check_rows",
    "export_catalogue",
    "import_rows",
    "take_inventory",
    "tower_of",
]
