"""A server on the loopback interface that speaks the OpenAI chat API, and its faults."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, dict[str, str], bytes]
Script = Callable[[int, dict[str, Any]], Reply]
"""From the number of a request (from 0) and its body to what is sent back."""


def said(text: str | None, **also: Any) -> Reply:
    """An answer as the API gives it."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107}
    return 200, {}, json.dumps({"choices": [choice], "usage": usage, **also}).encode()


def failed(status: int, message: str = "", headers: dict[str, str] | None = None) -> Reply:
    """An error as the API gives it."""
    return status, headers or {}, json.dumps({"error": {"message": message}}).encode()


def hung(seconds: float = 30.0) -> Reply:
    """Nothing, for a long time; the thread ends with the tests."""
    time.sleep(seconds)
    return said("too late")


@dataclass
class ChatStandIn:
    """The server: its address, what it was asked, and how many questions it had at once."""

    url: str
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    at_once: int = 0

    def spelled(self, model: str = "tiny-vision") -> str:
        return f"openai:{self.url}/v1/{model}"


@contextmanager
def chat_stand_in(script: Script) -> Iterator[ChatStandIn]:
    """Serve by a script until the block ends."""
    lock = threading.Lock()
    running = 0

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            nonlocal running
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                number = len(stand_in.asked)
                stand_in.asked.append({"path": self.path, **body})
                stand_in.headers.append(dict(self.headers.items()))
                running += 1
                stand_in.at_once = max(stand_in.at_once, running)
            status, headers, content = script(number, body)
            with lock:
                running -= 1
            try:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                pass  # whoever asked has gone

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads, server.block_on_close = True, False
        stand_in = ChatStandIn(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield stand_in
        finally:
            server.shutdown()
