"""A process that reads and decodes files for a `DecodePool`: `python -m clipsearch.images.worker`.

It takes requests on standard input and answers on standard output, one at a time, until its
input ends. It may be killed at any moment: it writes nothing.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import IO

from PIL import AvifImagePlugin, Image

from clipsearch.images.decode import content_hash, decode
from clipsearch.images.limits import DecodeLimits
from clipsearch.images.messages import (
    Answer,
    pack_answer,
    read_frame,
    unpack_request,
    unpack_settings,
    write_frame,
)
from clipsearch.images.opening import refusal_at_decode
from clipsearch.images.reading import read_found
from clipsearch.values import Decoded, FoundFile, Preprocessing, Recognised, Skip


def main() -> None:
    """Serve until the input ends or the pool is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the pool decides when work ends
    _die_with_parent()
    requests, answers = _take_pipes()
    hello = read_frame(requests)
    if hello is None:
        return
    preprocessing, limits = unpack_settings(hello[0])
    _hold_to(limits)
    with suppress(BrokenPipeError):
        write_frame(answers, {"ready": True})
        while (request := read_frame(requests)) is not None:
            file, known = unpack_request(request)
            write_frame(answers, *pack_answer(read_picture(file, known, preprocessing, limits)))


def read_picture(
    file: FoundFile, known: frozenset[bytes], preprocessing: Preprocessing, limits: DecodeLimits
) -> Answer:
    """Read a file as the scan saw it, hash it, and decode it unless its content is known."""
    try:
        data = read_found(file, limits.max_bytes)
        fingerprint = content_hash(data)
        if fingerprint in known:
            return Recognised(file.path, fingerprint)
        return Decoded(file.path, *decode(data, fingerprint, preprocessing, limits))
    except Exception as error:
        refused = refusal_at_decode(error)
        return Skip(file.path, refused.code, refused.reason)


def _take_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Keep the pipes to ourselves: what a decoder prints or reads must not get between."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return requests, answers


def _hold_to(limits: DecodeLimits) -> None:
    """Silence warnings, let our limits replace Pillow's, and cap threads and memory."""
    warnings.simplefilter("ignore")
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # one a core otherwise, in every worker
    # Pillow refuses twice this number, for WebP before the canvas is allocated.
    Image.MAX_IMAGE_PIXELS = int(limits.max_megapixels * 1e6 / 2) + 1
    with suppress(ImportError, OSError, ValueError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        soft = pages * resource.getpagesize() + limits.memory_bytes
        if hard == resource.RLIM_INFINITY or soft < hard:
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _die_with_parent() -> None:
    """Ask Linux to kill us with the pool; elsewhere the end of the input has to do."""
    if sys.platform != "linux":
        return
    import ctypes

    set_parent_death_signal = 1  # PR_SET_PDEATHSIG of prctl(2)
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


if __name__ == "__main__":
    main()
