"""Agreement of the indexes with exact search on a collection's own embeddings.

    python benchmarks/agreement.py COLLECTION --queries captions.csv [--column title]

Queries are texts (a CSV column) and the collection's own images. What is compared is what a
collection answers: 42 candidates of the index, ordered anew by their float32 embeddings.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from clipsearch import Collection
from clipsearch.indexes import Found, Recipe, agreement_at_k, publish, scan
from clipsearch.values import Embeddings, Ids

K, CANDIDATES, MOST_QUERIES = 10, 42, 500


def main() -> None:
    """Measure agreement@10 of each recipe for both kinds of queries."""
    arguments = parsed()
    with Collection(arguments.collection) as collection:
        parts = list(collection.embeddings())
        ids = np.concatenate([part[0] for part in parts])
        rows = np.concatenate([part[1] for part in parts])
        texts = collection.tower.embed_texts(read(arguments.queries, arguments.column))
    queries = {"images": rows[:: max(1, len(rows) // MOST_QUERIES)], "texts": texts}
    table = Table(title=f"agreement@{K} with exact search, {len(rows)} embeddings")
    for column in ("recipe", *queries):
        table.add_column(column)
    for recipe in (Recipe("flat"), Recipe("flat", "fp32"), Recipe("pq", candidates=100)):
        figures = [agreement(recipe, ids, rows, asked) for asked in queries.values()]
        name = f"{recipe.kind} {recipe.storage}"
        table.add_row(name, *(f"{figure:.4f}" for figure in figures))
    Console().print(table)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("collection")
    parser.add_argument("--queries", type=Path, required=True, help="a CSV with a text column")
    parser.add_argument("--column", default="title")
    return parser.parse_args()


def read(path: Path, column: str) -> list[str]:
    """Texts spread over the file."""
    with path.open(encoding="utf-8", newline="") as file:
        texts = [row[column] for row in csv.DictReader(file)]
    return texts[:: max(1, len(texts) // MOST_QUERIES)]


def agreement(recipe: Recipe, ids: Ids, rows: Embeddings, queries: Embeddings) -> float:
    """agreement@10 of a recipe; `pq` scores only 100 candidates again, not its default 1,000."""
    with tempfile.TemporaryDirectory() as folder:
        made = publish(Path(folder), 1, recipe, [(ids, rows)], {})
        found = made.index.search(queries, CANDIDATES)
        exact = scan(queries, rows, ids, K)
        rescored = [
            scan(query[np.newaxis], rows[np.isin(ids, near)], ids[np.isin(ids, near)], K)
            for query, near in zip(queries, found.ids, strict=True)
        ]
    ours = Found(
        np.concatenate([each.ids for each in rescored]),
        np.concatenate([each.scores for each in rescored]),
    )
    return agreement_at_k(ours, exact)


if __name__ == "__main__":
    main()
