"""The folder of a run: its settings, checkpoints, logs and curves, beside the model it makes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipsearch.durable import named_disk_errors, write_durably
from clipsearch.training_errors import ResumeDiffers, RunInTheWay

SETTINGS = "settings.json"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where a run keeps what it needs to go on."""

    path: Path

    @property
    def last(self) -> Path:
        """The checkpoint to go on from."""
        return self.path / "last.safetensors"

    @property
    def best(self) -> Path:
        """The weights with the best dev score."""
        return self.path / "best.safetensors"

    def begin(self, settings: Mapping[str, Any], *, resume: bool, restart: bool) -> None:
        """Make the folder, or hold the settings against those the run was begun with.

        Raises RunInTheWay where a run stands and nothing was said of it, or none stands to be
        taken up; ResumeDiffers.
        """
        stands = (self.path / SETTINGS).is_file()
        if resume and not stands:
            raise RunInTheWay(self.path, "holds no run to resume: leave out `--resume`")
        if resume:
            self._compare(settings)
            return
        if stands and not restart:
            way = "go on with `--resume`, or begin anew with `--restart`"
            raise RunInTheWay(self.path, f"holds a run already: {way}")
        if self.path.exists() and not stands and any(self.path.iterdir()):
            raise RunInTheWay(self.path, "is there already and is no run: name another `--out`")
        with named_disk_errors(self.path):
            self._clear()
            self.path.mkdir(parents=True, exist_ok=True)
            text = json.dumps(dict(settings), indent=1, sort_keys=True) + "\n"
            write_durably(self.path / SETTINGS, text.encode())

    def _clear(self) -> None:
        """Drop an earlier run, its settings last: a half-dropped run is still known as one."""
        if not self.path.exists():
            return
        for each in self.path.iterdir():
            if each.name != SETTINGS:
                shutil.rmtree(each) if each.is_dir() else each.unlink()

    def _compare(self, settings: Mapping[str, Any]) -> None:
        try:
            begun = json.loads((self.path / SETTINGS).read_bytes())
        except ValueError as error:
            detail = f"has damaged settings ({error}): begin anew with `--restart`"
            raise RunInTheWay(self.path, detail) from error
        names = dict.fromkeys((*begun, *settings))
        differences = {
            name: (begun.get(name, "nothing"), settings.get(name, "nothing"))
            for name in names
            if begun.get(name) != settings.get(name)
        }
        if differences:
            raise ResumeDiffers(self.path, differences)
