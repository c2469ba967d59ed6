"""A stand-in for the Hugging Face hub on the loopback interface, for its real client.

It serves folders as repositories: the file routes with the headers that the client asks for, and
"no such entry" for all else.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def hub_stand_in(repositories: Path) -> Iterator[str]:
    """Serve `repositories`/ORG/NAME as ORG/NAME; gives the address for HF_ENDPOINT."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            path = _file_of(repositories, self.path.partition("?")[0])
            content = path.read_bytes() if path else b""
            self.send_response(200 if path else 404)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(content)))
            if path:
                self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            else:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.end_headers()
            if with_body:
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _file_of(repositories: Path, route: str) -> Path | None:
    """The file of ORG/NAME/resolve/REVISION/FILE."""
    parts = route.strip("/").split("/")
    if len(parts) < 5 or parts[2] != "resolve" or ".." in parts:
        return None
    path = repositories.joinpath(parts[0], parts[1], *parts[4:])
    return path if path.is_file() else None
