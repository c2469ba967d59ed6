"""The process whose forks are programs: `python forked.py DESCRIPTOR`, started by `forking.py`.

It reads requests from a socket, one at a time, and answers each with an exit code. It imports
nothing of the tests, and starts no thread before it forks.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import runpy
import socket
import sys
from pathlib import Path
from typing import Any

IMPORTED = (
    *("faiss", "onnxruntime", "tokenizers", "filelock", "platformdirs"),
    *("sqlalchemy", "sqlalchemy.dialects.sqlite", "sqlite3"),
    *("PIL.Image", "PIL.ImageOps", "pillow_heif", "defusedxml.ElementTree"),
    *("rich.console", "rich.table", "rich.progress"),
    *("clipsearch.collection", "clipsearch.gallery", "clipsearch.explanation"),
    *("clipsearch.duplicates", "clipsearch.captioning", "clipsearch.exchange"),
)


def main() -> None:
    """Serve until the other end is closed; in a fork, be the program."""
    import_what_programs_use()
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        request = serve(requests)
    if request is not None:
        become(request)


def import_what_programs_use() -> None:
    """Import the command line and, for it, what commands import when they run."""
    cli = importlib.import_module("clipsearch.cli")
    commands = [f"{cli.__name__}.{module.name}" for module in pkgutil.iter_modules(cli.__path__)]
    for name in (*IMPORTED, *commands):
        if not name.endswith("__main__"):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise RuntimeError("an import started a thread, which would be missing in forks")


def serve(requests: socket.socket) -> dict[str, Any] | None:
    """Fork for each request, which the fork returns; None when no more come."""
    while True:
        head, descriptors, _, _ = socket.recv_fds(requests, 8, 3)
        if not head:
            return None
        message = requests.recv(int.from_bytes(head), socket.MSG_WAITALL)
        child = os.fork()
        if child == 0:
            for standard, given in enumerate(descriptors):
                os.dup2(given, standard)
            for given in descriptors:
                os.close(given)
            request: dict[str, Any] = json.loads(message)
            return request
        for given in descriptors:
            os.close(given)
        _, status = os.waitpid(child, 0)
        requests.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def become(request: dict[str, Any]) -> None:
    """Run what is asked for as `python -m MODULE ...` or `python FILE ...` would."""
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    reopen_standard_streams()
    first, *others = request["program"]
    if first == "-m":
        sys.argv = ["-m", *others[1:]]
        sys.path[0] = request["folder"]
        runpy.run_module(others[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [first, *others]
        sys.path[0] = str(Path(first).parent)
        runpy.run_path(first, run_name="__main__")


def reopen_standard_streams() -> None:
    """Streams that know whether they are a terminal now."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        before = getattr(sys, name)
        buffering = 1 if name == "stderr" else -1
        stream = open(  # noqa: SIM115
            before.fileno(), mode, buffering, before.encoding, before.errors, closefd=False
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


if __name__ == "__main__":
    main()
