"""A pool reads files in order, and a picture that breaks its decoder breaks nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipsearch.errors import DecodingUnavailable
from clipsearch.images import DecodeLimits, DecodePool, Scan, ScanRules, decode_picture
from clipsearch.images.messages import Answer
from clipsearch.images.pool import AHEAD_PER_WORKER
from clipsearch.values import Decoded, FoundFile, Preprocessing, Recognised, Skip, SkipCode

Encode = Callable[..., bytes]
Save = Callable[..., FoundFile]

ROOT = Path(__file__).parents[2]

# What the comment of a JPEG makes its decoder do, in a worker that finds this module.
MISBEHAVIOUR = """
import os, sys, time
from PIL.JpegImagePlugin import JpegImageFile
load = JpegImageFile.load
def misbehave(self):
    comment = self.info.get("comment", b"")
    if comment == b"hang":
        time.sleep(600)
    if comment == b"crash":
        os.abort()
    if comment == b"swallow":
        bytearray(64 << 30)
    if comment == b"chatter":
        print("noise", flush=True)
        os.write(1, b"more noise\\n" * 1000)
        sys.stdin.read(1)
    if comment == b"raise":
        raise RuntimeError("as decoders do")
    return load(self)
JpegImageFile.load = misbehave
"""


@pytest.fixture
def save(tmp_path: Path, encode: Encode) -> Save:
    """Saves a picture of one grey with a comment; returns it as a scan would."""
    folder = tmp_path / "pictures"
    folder.mkdir()

    def saved(number: int, comment: str = "") -> FoundFile:
        path = folder / f"{number:03}.jpg"
        grey = Image.new("RGB", (64, 48), (number % 256,) * 3)
        path.write_bytes(encode(grey, "JPEG", comment=comment, quality=100))
        return as_found(path)

    return saved


@pytest.fixture
def misbehaviour(tmp_path: Path) -> dict[str, str]:
    """The environment in which comments are obeyed."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(MISBEHAVIOUR)
    return {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


def as_found(path: Path) -> FoundFile:
    (file,) = Scan(path, ScanRules())
    assert isinstance(file, FoundFile)
    return file


def unknown(files: Sequence[FoundFile]) -> Iterator[tuple[FoundFile, Sequence[bytes]]]:
    return ((file, ()) for file in files)


def outcomes(answers: Sequence[Answer]) -> list[int | SkipCode]:
    """The grey of what was decoded, the code of what was skipped."""
    return [
        answer.code if isinstance(answer, Skip) else int(answer.pixels.mean())
        for answer in answers
        if not isinstance(answer, Recognised)
    ]


def children() -> set[int]:
    """Processes that this one has started and not reaped."""
    lists = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {int(pid) for listed in lists for pid in listed.read_text().split()}


def test_answers_come_in_the_order_of_the_files(save: Save, small: Preprocessing) -> None:
    files = [save(number) for number in range(40)]
    with DecodePool(small, DecodeLimits(), 2) as pool:
        answers = list(pool.decode(unknown(files)))
    assert [answer.path for answer in answers] == [file.path for file in files]
    assert outcomes(answers) == list(range(40))


def test_a_worker_decodes_as_this_process_does(
    cat: Image.Image, encode: Encode, small: Preprocessing, tmp_path: Path
) -> None:
    path = tmp_path / "cat.jpg"
    exif = Image.Exif()
    exif[0x0110], exif[0x0132] = "Holga \x1b", "2019:07:04 12:30:01"
    path.write_bytes(encode(cat, "JPEG", exif=exif))
    with DecodePool(small, DecodeLimits(), 1) as pool:
        (answer,) = pool.decode(unknown([as_found(path)]))
    here = decode_picture(path, small)
    assert isinstance(answer, Decoded)
    assert answer.info == here.info
    assert answer.path == path
    assert (answer.pixels == here.pixels).all()
    assert answer.pixels.dtype == np.uint8
    assert answer.pixels.flags["C_CONTIGUOUS"]


def test_a_known_content_is_recognised_and_not_decoded(
    tmp_path: Path, small: Preprocessing
) -> None:
    path = tmp_path / "no-picture.jpg"
    path.write_bytes(b"not even a picture")
    from clipsearch.images.decode import content_hash

    known = [bytes(32), content_hash(path.read_bytes())]
    with DecodePool(small, DecodeLimits(), 1) as pool:
        assert list(pool.decode([(as_found(path), known)])) == [Recognised(path, known[1])]


def test_no_more_files_are_taken_than_the_pool_may_read_ahead(
    save: Save, small: Preprocessing
) -> None:
    file = save(1)
    taken = 0

    def endless() -> Iterator[tuple[FoundFile, Sequence[bytes]]]:
        nonlocal taken
        while True:
            taken += 1
            yield file, ()

    with DecodePool(small, DecodeLimits(), 2) as pool:
        assert len(list(islice(pool.decode(endless()), 3))) == 3
    assert taken <= 2 * AHEAD_PER_WORKER + 3


# Row 24
def test_a_decoder_that_hangs_is_killed_at_the_time_limit(
    save: Save, small: Preprocessing, misbehaviour: dict[str, str]
) -> None:
    files = [save(1), save(2, "hang"), save(3), save(4)]
    with DecodePool(small, DecodeLimits(seconds=1.0), 1, misbehaviour) as pool:
        answers = list(pool.decode(unknown(files)))
    assert outcomes(answers) == [1, SkipCode.TIMEOUT, 3, 4]


# Row 25
def test_a_decoder_that_crashes_takes_no_neighbour_with_it(
    save: Save, small: Preprocessing, misbehaviour: dict[str, str]
) -> None:
    files = [save(n, "crash" if n % 4 == 2 else "") for n in range(10)]
    with DecodePool(small, DecodeLimits(), 2, misbehaviour) as pool:
        answers = list(pool.decode(unknown(files)))
    crashed = SkipCode.CRASHED
    assert outcomes(answers) == [0, 1, crashed, 3, 4, 5, crashed, 7, 8, 9]
    assert isinstance(answers[2], Skip)
    assert "SIGABRT" in answers[2].reason


# Row 26
def test_a_decoder_that_wants_too_much_memory_gets_none(
    save: Save, small: Preprocessing, misbehaviour: dict[str, str]
) -> None:
    files = [save(1), save(2, "swallow"), save(3)]
    with DecodePool(small, DecodeLimits(), 1, misbehaviour) as pool:
        assert outcomes(list(pool.decode(unknown(files)))) == [1, SkipCode.MEMORY, 3]


# Row 26
def test_a_picture_that_needs_more_memory_than_the_limit_is_skipped(
    tmp_path: Path, small: Preprocessing, encode: Encode
) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(encode(Image.new("RGB", (6000, 6000)), "PNG", compress_level=1))
    with DecodePool(small, DecodeLimits(memory_bytes=64 << 20), 1) as pool:
        assert outcomes(list(pool.decode(unknown([as_found(path)])))) == [SkipCode.MEMORY]


def test_a_decoder_that_raises_anything_is_a_skip(
    save: Save, small: Preprocessing, misbehaviour: dict[str, str]
) -> None:
    files = [save(1, "raise"), save(2)]
    with DecodePool(small, DecodeLimits(), 1, misbehaviour) as pool:
        assert outcomes(list(pool.decode(unknown(files)))) == [SkipCode.TRUNCATED, 2]


def test_what_a_decoder_prints_does_not_get_between(
    save: Save, small: Preprocessing, misbehaviour: dict[str, str]
) -> None:
    files = [save(1, "chatter"), save(2), save(3, "chatter")]
    with DecodePool(small, DecodeLimits(), 1, misbehaviour) as pool:
        assert outcomes(list(pool.decode(unknown(files)))) == [1, 2, 3]


# Row 30
def test_a_file_removed_or_changed_since_the_scan_is_skipped(
    save: Save, small: Preprocessing
) -> None:
    removed, grown, touched, linked, kept = (save(number) for number in range(5))
    removed.path.unlink()
    grown.path.write_bytes(grown.path.read_bytes() + b"more")
    os.utime(touched.path, ns=(1, 1))
    linked.path.unlink()
    linked.path.symlink_to(kept.path)
    with DecodePool(small, DecodeLimits(), 1) as pool:
        answers = list(pool.decode(unknown([removed, grown, touched, linked, kept])))
    assert outcomes(answers) == [SkipCode.CHANGED] * 4 + [4]


def test_a_file_that_became_a_pipe_is_not_waited_for(save: Save, small: Preprocessing) -> None:
    file = save(1)
    file.path.unlink()
    os.mkfifo(file.path)
    with DecodePool(small, DecodeLimits(), 1) as pool:
        assert outcomes(list(pool.decode(unknown([file])))) == [SkipCode.CHANGED]


# Row 29
def test_a_file_that_may_not_be_read_is_unreadable(as_nobody: Path) -> None:
    from clipsearch.images.reading import read_found
    from clipsearch.refused import Refused

    path = as_nobody / "secret.jpg"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(Refused) as caught:
        read_found(as_found(path), 100)
    assert caught.value.code is SkipCode.UNREADABLE


def test_a_file_of_too_many_bytes_is_not_read(save: Save, small: Preprocessing) -> None:
    with DecodePool(small, DecodeLimits(max_bytes=100), 1) as pool:
        assert outcomes(list(pool.decode(unknown([save(1)])))) == [SkipCode.TOO_LARGE]


# Rows 31 and 32
@pytest.mark.parametrize("name", [b"\xff\xfe.jpg", b"line\nbreak.jpg", b"-rf.jpg"])
def test_a_file_of_an_odd_name_is_read(
    name: bytes, save: Save, small: Preprocessing, tmp_path: Path
) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    save(7).path.rename(path)
    with DecodePool(small, DecodeLimits(), 1) as pool:
        (answer,) = pool.decode(unknown([as_found(path)]))
    assert isinstance(answer, Decoded)
    assert answer.path == path


# Row 35
def test_two_files_of_one_content_have_one_fingerprint(
    save: Save, small: Preprocessing, tmp_path: Path
) -> None:
    file = save(1)
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(file.path.read_bytes())
    with DecodePool(small, DecodeLimits(), 2) as pool:
        one, other = pool.decode(unknown([file, as_found(copy)]))
    assert isinstance(one, Decoded)
    assert isinstance(other, Decoded)
    assert one.info == other.info


def test_a_file_named_like_a_module_is_not_run(
    save: Save, small: Preprocessing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = save(1)
    (tmp_path / "PIL.py").write_text("raise SystemExit('run from the current folder')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with DecodePool(small, DecodeLimits(), 1) as pool:
        assert outcomes(list(pool.decode(unknown([file])))) == [1]


def test_workers_start_with_the_first_file_and_end_with_the_block(
    save: Save, small: Preprocessing
) -> None:
    before = children()
    files = [save(number) for number in range(4)]
    with DecodePool(small, DecodeLimits(), 2) as pool:
        assert children() == before
        list(pool.decode(unknown(files)))
        assert len(children() - before) in (1, 2)
    assert children() == before


def test_leaving_in_the_middle_of_a_hang_waits_for_nothing(
    save: Save, small: Preprocessing, misbehaviour: dict[str, str]
) -> None:
    before = children()
    files = [save(0), *(save(number, "hang") for number in range(1, 40))]
    with DecodePool(small, DecodeLimits(), 2, misbehaviour) as pool:
        answers = pool.decode(unknown(files))
        next(answers)
        started = time.monotonic()
    assert time.monotonic() - started < 5
    assert children() == before


def test_an_interrupted_source_ends_the_workers(save: Save, small: Preprocessing) -> None:
    before = children()

    def interrupted() -> Iterator[tuple[FoundFile, Sequence[bytes]]]:
        yield save(1), ()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), DecodePool(small, DecodeLimits(), 1) as pool:
        list(pool.decode(interrupted()))
    assert children() == before


def test_a_worker_lets_an_interrupt_pass(save: Save, small: Preprocessing) -> None:
    before = children()
    with DecodePool(small, DecodeLimits(), 1) as pool:
        list(pool.decode(unknown([save(1)])))
        (worker,) = children() - before
        os.kill(worker, signal.SIGINT)
        assert outcomes(list(pool.decode(unknown([save(2)])))) == [2]
        assert children() - before == {worker}


def test_workers_do_not_outlive_a_pool_that_was_killed(
    save: Save, misbehaviour: dict[str, str]
) -> None:
    script = """
import sys
from pathlib import Path
from clipsearch.images import DecodeLimits, DecodePool, Scan, ScanRules
from clipsearch.values import Preprocessing
tower = Preprocessing(32, 32, "squash", "bicubic", (0, 0, 0), (1, 1, 1))
with DecodePool(tower, DecodeLimits(), 1) as pool:
    for answer in pool.decode((file, ()) for file in Scan(Path(sys.argv[1]), ScanRules())):
        pass
"""
    hanging = save(1, "hang").path
    environment = {**os.environ, **misbehaviour}
    command = [sys.executable, "-c", script, str(hanging)]
    with subprocess.Popen(command, env=environment) as pool:
        worker = wait_for_child_of(pool.pid)
        time.sleep(1)
        pool.kill()
    deadline = time.monotonic() + 10
    while is_alive(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(worker)


def wait_for_child_of(pid: int) -> int:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for listed in Path(f"/proc/{pid}/task").glob("*/children"):
            if found := listed.read_text().split():
                return int(found[0])
        time.sleep(0.05)
    raise AssertionError("no worker started")


def is_alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def test_a_worker_that_cannot_start_is_an_error_and_not_a_thousand_skips(
    save: Save, small: Preprocessing, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os; os._exit(3)")
    environment = {"PYTHONPATH": str(tmp_path)}
    with (
        DecodePool(small, DecodeLimits(), 1, environment) as pool,
        pytest.raises(DecodingUnavailable, match="cannot start"),
    ):
        list(pool.decode(unknown([save(1)])))


def test_a_pool_of_no_workers_is_a_mistake(small: Preprocessing) -> None:
    with pytest.raises(ValueError, match="at least one"):
        DecodePool(small, DecodeLimits(), 0)
