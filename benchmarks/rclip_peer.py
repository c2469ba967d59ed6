"""Makes rclip run offline: a ViT-B-32-256 with random weights, put where rclip expects it.

The same weights are written as an open_clip folder, so that clipsearch can run the very same
towers (`--model local-dir:FOLDER`). Random weights do for speed; they find nothing.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

ARCHITECTURE = "ViT-B-32-256"
RCLIP_FOLDER = "ViT-B-32-256-datacomp_s34b_b86k"


def write_towers(folder: Path) -> None:
    """Write the random towers: `folder/open_clip` for us, `folder/rclip` for rclip."""
    if (folder / "done").exists():
        return
    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    torch.backends.mha.set_fastpath_enabled(False)
    model = open_clip.create_model(ARCHITECTURE).eval()
    ours = folder / "open_clip"
    ours.mkdir(parents=True, exist_ok=True)
    save_file(model.state_dict(), ours / "open_clip_model.safetensors")
    config = {
        "model_cfg": open_clip.get_model_config(ARCHITECTURE),
        "preprocess_cfg": {
            "mean": open_clip.OPENAI_DATASET_MEAN,
            "std": open_clip.OPENAI_DATASET_STD,
            "interpolation": "bicubic",
            "resize_mode": "shortest",
        },
    }
    (ours / "open_clip_config.json").write_text(json.dumps(config))
    _write_rclip_models(model, folder / "rclip")
    (folder / "done").touch()


def _write_rclip_models(model: object, home: Path) -> None:
    import open_clip
    import torch

    class Text(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return self.model.encode_text(tokens)  # type: ignore[attr-defined, no-any-return]

    models = home / RCLIP_FOLDER
    models.mkdir(parents=True, exist_ok=True)
    visual = model.visual  # type: ignore[attr-defined]
    for module, example, name in (
        (visual, torch.zeros(2, 3, 256, 256), "visual.onnx"),
        (Text(), torch.zeros(2, 77, dtype=torch.int64), "textual.onnx"),
    ):
        torch.onnx.export(
            module.eval(),
            (example,),
            str(models / name),
            input_names=["input"],
            output_names=["output"],
            dynamic_axes={"input": {0: "n"}, "output": {0: "n"}},
            dynamo=False,
        )
    tokenizer = home / "tokenizer"
    tokenizer.mkdir(exist_ok=True)
    vocabulary = Path(open_clip.__file__).parent / "bpe_simple_vocab_16e6.txt.gz"
    shutil.copy(vocabulary, tokenizer / vocabulary.name)


def fill_rclip(home: Path, photos: Path, embeddings: np.ndarray) -> None:
    """Write rclip's database with one row an embedding (schema of rclip 3.3)."""
    with closing(sqlite3.connect(home / "db.sqlite3")) as database:
        database.executescript(
            """
            DROP TABLE IF EXISTS images; DROP TABLE IF EXISTS db_version;
            CREATE TABLE images (
                id INTEGER PRIMARY KEY, deleted BOOLEAN, filepath TEXT NOT NULL UNIQUE,
                modified_at DATETIME NOT NULL, size INTEGER NOT NULL, vector BLOB NOT NULL,
                indexing BOOLEAN, hash TEXT);
            CREATE UNIQUE INDEX existing_images ON images(filepath) WHERE deleted IS NULL;
            CREATE INDEX hash_index ON images(hash) WHERE deleted IS NULL;
            CREATE TABLE db_version (version INTEGER);
            INSERT INTO db_version VALUES (4);
            """
        )
        rows = (
            (str(photos / f"{number:06}.jpg"), 1.0, 1, row.tobytes(), f"{number:032x}")
            for number, row in enumerate(embeddings)
        )
        database.executemany(
            "INSERT INTO images(filepath, modified_at, size, vector, hash) VALUES (?, ?, ?, ?, ?)",
            rows,
        )
        database.commit()
