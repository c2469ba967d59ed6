"""Exports an open_clip model to a folder of ONNX files that runs without torch."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from clipsearch.durable import sync_file, write_durably
from clipsearch.processors import usable_cpus
from clipsearch.towers.folder import (
    DESCRIPTION,
    FORMAT,
    IMAGE,
    TEXT,
    FileEntry,
    TextInput,
    file_entry,
    preprocessing_to_json,
)
from clipsearch.towers.open_clip_model import LoadedModel
from clipsearch.towers.runtime import open_session
from clipsearch.towers.tokenizer_export import TokenizerNotPortable, export_tokenizer

TOLERANCE = 1e-4
OPSET = 18


class ExportRefused(Exception):
    """The model cannot be exported, or its export does not say what torch says."""


def export_model(model: LoadedModel, folder: Path) -> None:
    """Write both towers, the tokenizer and tower.json into the folder, the last one last.

    Raises ExportRefused if an exporter fails or the two embeddings differ by more than 1e-4
    anywhere; the folder is then incomplete.
    """
    try:
        text = export_tokenizer(model.tokenizer, folder)
    except TokenizerNotPortable as error:
        raise ExportRefused(f"its tokenizer needs its library: {error}") from error
    _export_towers(model, folder, text)
    for path in folder.iterdir():
        sync_file(path)
    write_durably(folder / DESCRIPTION, _description(model, text, folder))


def _export_towers(model: LoadedModel, folder: Path, text: TextInput) -> None:
    import torch

    height, width = model.preprocessing.height, model.preprocessing.width
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn((3, 3, height, width), generator=generator)
    texts = ["a photo of a dog", "", "two red boats " * 40]
    tokens = model.tokenizer(texts)
    for method, given, path, inputs in (
        ("encode_image", pixels, folder / IMAGE, "pixels"),
        ("encode_text", tokens, folder / TEXT, "input_ids"),
    ):
        tower = _tower(model.module, method)
        _write_onnx(tower, given[:2], path, inputs)
        _compare(tower, given, path, inputs)


def _tower(module: Any, method: str) -> Any:
    """One side of the model as a torch module, in eval mode like the module itself."""
    import torch

    class Tower(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, given: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = getattr(self.module, method)(given, normalize=True)
            return found

    return Tower().eval()


def _write_onnx(tower: Any, given: Any, path: Path, input_name: str) -> None:
    import torch

    with _exportable(torch):
        try:
            torch.onnx.export(
                tower,
                (given,),
                str(path),
                input_names=[input_name],
                output_names=["embedding"],
                dynamic_axes={input_name: {0: "n"}, "embedding": {0: "n"}},
                opset_version=OPSET,
                dynamo=False,
            )
        except Exception as error:  # the exporter has no error of its own
            told = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise ExportRefused(f"the ONNX exporter failed ({told})") from error
        finally:
            tower.eval()  # the exporter may leave it in training mode


@contextmanager
def _exportable(torch: Any) -> Iterator[None]:
    """Without the fused attention, which the exporter cannot follow, and its warnings."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def _compare(tower: Any, given: Any, path: Path, input_name: str) -> None:
    """Hold the file against torch, on more inputs than it was traced with."""
    import torch

    session = open_session(path, usable_cpus())
    found = np.asarray(session.run(["embedding"], {input_name: given.numpy()})[0])
    with torch.inference_mode():
        wanted = tower(given).numpy()
    furthest = float(np.abs(found - wanted).max())
    if not furthest <= TOLERANCE:
        raise ExportRefused(f"{path.name} differs from torch by {furthest:.1e}")


def _description(model: LoadedModel, text: TextInput, folder: Path) -> bytes:
    described: dict[str, Any] = {
        "format": FORMAT,
        "name": str(model.source.name),
        "dim": model.dim,
        "preprocessing": preprocessing_to_json(model.preprocessing),
        "text": asdict(text),
        "logit_scale": model.logit_scale,
        "notes": list(model.source.notes),
        "weights": entries_to_json(model.source.weights_entries()),
        "files": entries_to_json(
            {path.name: file_entry(path) for path in sorted(folder.iterdir())}
        ),
    }
    return json.dumps(described, indent=1).encode()


def entries_to_json(entries: Mapping[str, FileEntry]) -> dict[str, Any]:
    """As they stand in tower.json."""
    return {name: asdict(entry) for name, entry in entries.items()}
