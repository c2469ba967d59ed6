"""Damage on disk is named, before FAISS reads a byte of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clipsearch.errors import GenerationDamaged, StorageFull
from clipsearch.indexes import (
    generations,
    open_generation,
    publish,
    recipe_named,
    verify_generation,
)
from clipsearch.values import Embeddings

N, D = 1200, 16
Damage = Callable[[bytes], bytes]

DAMAGES: dict[str, Damage] = {
    "empty": lambda content: b"",
    "cut in half": lambda content: content[: len(content) // 2],
    "one byte short": lambda content: content[:-1],
    "one byte long": lambda content: content + b"\0",
    "garbage all over": lambda content: bytes(range(256)) * (len(content) // 256 + 1),
    "another type": lambda content: b"IxHX" + content[4:],
    "another width": lambda content: content[:4] + b"\xff" + content[5:],
    "another count": lambda content: content[:8] + b"\xff\xff\xff\x7f" + content[12:],
    "garbage in the body": lambda content: content[:-9000] + b"\xfc" * 4096 + content[-4904:],
    "a bit flipped at the end": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
}


@pytest.fixture
def place(name: str, tmp_path: Path, make_rows: Callable[..., Embeddings]) -> Path:
    """The folder of a whole generation 3, of each recipe."""
    content = [(np.arange(1, N + 1), make_rows(N, D))]
    return publish(tmp_path, 3, recipe_named(name), content, {}).folder


def assert_damaged(place: Path, told: str = "is damaged") -> None:
    for check in (open_generation, verify_generation):
        with pytest.raises(GenerationDamaged, match=told) as caught:
            check(place.parent, 3)
        assert caught.value.path == place
        assert "clipsearch rebuild" in str(caught.value)


@pytest.mark.parametrize("file", ["index.faiss", "ids.npy", "manifest.json"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named(place: Path, file: str, damage: str) -> None:
    target = place / file
    if file == "manifest.json" and "byte" in damage:
        pytest.skip("a manifest has no end to lose: JSON tells")
    content = target.read_bytes()
    damaged = DAMAGES[damage](content)
    target.write_bytes(damaged if "long" in damage else damaged[: len(content)])
    if file == "manifest.json" and damage == "a bit flipped at the end":
        assert_damaged(place, "manifest.json")
    else:
        assert_damaged(place)


@pytest.mark.parametrize("file", ["index.faiss", "ids.npy", "manifest.json"])
def test_a_missing_file_is_named(place: Path, file: str) -> None:
    (place / file).unlink()
    assert_damaged(place, file)


@pytest.mark.parametrize("file", ["index.faiss", "ids.npy"])
def test_a_folder_in_place_of_a_file_is_named(place: Path, file: str) -> None:
    (place / file).unlink()
    (place / file).mkdir()
    assert_damaged(place, file)


def test_a_bit_that_flips_on_the_disk_is_found_by_verifying(place: Path) -> None:
    file = place / "index.faiss"
    before, content = file.stat(), bytearray(file.read_bytes())
    content[-100] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    open_generation(place.parent, 3)
    with pytest.raises(GenerationDamaged, match=r"index.faiss is not what was published"):
        verify_generation(place.parent, 3)


@pytest.mark.parametrize("file", ["index.faiss", "ids.npy"])
def test_a_file_of_another_generation_is_named(
    place: Path, file: str, name: str, make_rows: Callable[..., Embeddings]
) -> None:
    content = [(np.arange(2, N + 2), make_rows(N + 1, D)[1:])]
    other = publish(place.parent, 4, recipe_named(name), content, {}).folder
    shutil.copy2(other / file, place / file)
    assert_damaged(place, f"{file} is not what was published")


@pytest.mark.parametrize(
    ("recipe", "n", "d"),
    [("flat", N, D + 4), ("flat", N + 1, D), ("flat-fp32", N, D), ("flat", N, D), ("pq", N, D)],
)
def test_an_index_that_is_not_the_manifests_is_named_even_with_a_fitting_seal(
    place: Path, name: str, recipe: str, n: int, d: int, make_rows: Callable[..., Embeddings]
) -> None:
    if (recipe, n, d) == (name, N, D):
        pytest.skip("it is the manifest's")
    content = [(np.arange(1, n + 1), make_rows(n, d))]
    other = publish(place.parent, 4, recipe_named(recipe), content, {}).folder
    shutil.copy2(other / "index.faiss", place / "index.faiss")
    seal = json.loads((other / "manifest.json").read_text())["files"]["index.faiss"]
    rewrite(place, lambda told: told["files"].update({"index.faiss": seal}))
    assert_damaged(place)


@pytest.mark.parametrize(
    "change",
    [
        {"dim": D + 4},
        {"dim": "16"},
        {"count": N - 1},
        {"count": True},
        {"last_id": 0},
        {"files": {}},
        {"files": []},
        {"recipe": {"kind": "hnsw"}},
        {"recipe": {"kind": "flat", "danger": 1}},
        {"stamp": 5},
        {"format": "1"},
    ],
)
def test_a_manifest_that_tells_something_else_is_named(place: Path, change: dict[str, Any]) -> None:
    rewrite(place, lambda told: told.update(change))
    assert_damaged(place)


@pytest.mark.parametrize("content", ["[]", "null", "{}", '"x"', "[" * 100_000, "\ud800"])
def test_a_manifest_of_another_shape_is_named(place: Path, content: str) -> None:
    (place / "manifest.json").write_bytes(content.encode(errors="surrogatepass"))
    assert_damaged(place, "manifest.json")


def rewrite(place: Path, change: Callable[[dict[str, Any]], None]) -> None:
    told = json.loads((place / "manifest.json").read_text())
    change(told)
    (place / "manifest.json").write_text(json.dumps(told))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 KiB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(place)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("cannot mount a small file system here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_named_and_the_old_generation_still_serves(
    small_disk: Path, make_rows: Callable[..., Embeddings]
) -> None:
    flat, rows = recipe_named("flat"), make_rows(20_000, D)
    publish(small_disk, 1, flat, [(np.arange(100), rows[:100])], {})
    with pytest.raises(StorageFull) as caught:
        publish(small_disk, 2, flat, [(np.arange(20_000), rows)], {})
    assert caught.value.path == small_disk
    assert [place.name for place in small_disk.iterdir()] == ["000001"]
    assert open_generation(small_disk, 1).index.search(rows[7:8], 1).ids.tolist() == [[7]]
    publish(small_disk, 2, flat, [(np.arange(100), rows[:100])], {})
    assert generations(small_disk) == [1, 2]


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from clipsearch.errors import HomeUnwritable
from clipsearch.indexes import publish, recipe_named
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
rows = np.eye(16, dtype=np.float32)[np.arange(5000) % 16]
try:
    publish(Path(sys.argv[1]), 2, recipe_named("flat"), [(np.arange(5000), rows)], {})
except HomeUnwritable as error:
    print(error)
"""


def test_a_file_that_may_not_grow_is_an_error_with_a_name(tmp_path: Path) -> None:
    rows = np.eye(4, dtype=np.float32)
    publish(tmp_path, 1, recipe_named("flat"), [(np.arange(4), rows)], {})
    command = [sys.executable, "-c", LIMITED, str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (0, "")
    assert "File too large" in told.stdout
    assert [place.name for place in tmp_path.iterdir()] == ["000001"]
    assert open_generation(tmp_path, 1).count == 4
