"""A server is asked with patience, and what it does wrong has a name."""

from __future__ import annotations

import base64
import io
import socket
import time
from pathlib import Path

import numpy as np
import pytest
from chat_stand_in import ChatStandIn, Reply, Script, chat_stand_in, failed, hung, said
from PIL import Image

pytest.importorskip("httpx2", reason="servers are asked with clipsearch[servers]")

from clipsearch.server_errors import (
    BadServerKey,
    ServerError,
    ServerFailed,
    ServerRefused,
    ServerUnintelligible,
    ServerUnreachable,
)
from clipsearch.servers import ChatServer, Patience, Question, Unanswered, parse_server_name

pytestmark = pytest.mark.network_stand_in

ONCE = Patience(timeout=30, retries=0)
WALL = np.full((30, 40, 3), (200, 30, 30), np.uint8)


def server_at(
    stand_in: ChatStandIn, patience: Patience = ONCE, key: str | None = None
) -> ChatServer:
    return ChatServer(parse_server_name(stand_in.spelled()), patience, key)


def ask(script: Script, patience: Patience = ONCE) -> str | Unanswered:
    """The answer of a server that follows a script."""
    with chat_stand_in(script) as stand_in:
        return server_at(stand_in, patience).ask(Question("What is it?", WALL))


def always(reply: Reply) -> Script:
    return lambda _number, _body: reply


def test_the_picture_is_sent_as_a_jpeg_inside_the_question() -> None:
    with chat_stand_in(always(said("A red wall."))) as stand_in:
        assert server_at(stand_in).ask(Question("What is it?", WALL)) == "A red wall."
    (asked,) = stand_in.asked
    assert (asked["path"], asked["model"]) == ("/v1/chat/completions", "tiny-vision")
    words, picture = asked["messages"][0]["content"]
    assert words == {"type": "text", "text": "What is it?"}
    kind, _, content = picture["image_url"]["url"].partition(",")
    assert kind == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(content))).size == (40, 30)


def test_the_tokens_are_counted_as_the_server_counts_them() -> None:
    script: Script = lambda number, _: said("x") if number else said("x", usage=None)  # noqa: E731
    with chat_stand_in(script) as stand_in:
        server = server_at(stand_in)
        server.ask_all([Question("a")])
        server.ask_all([Question("b"), Question("c")])
    usage = server.usage
    assert (usage.answers, usage.unmetered) == (3, 1)
    assert (usage.prompt_tokens, usage.completion_tokens) == (200, 14)


def test_answers_come_in_order_and_no_more_are_asked_at_once_than_allowed() -> None:
    def late(number: int, body: dict[str, object]) -> Reply:
        time.sleep(0.05 if number % 2 else 0.15)
        return said(str(body["messages"][0]["content"][0]["text"]))  # type: ignore[index]

    with chat_stand_in(late) as stand_in:
        server = server_at(stand_in, Patience(timeout=20, retries=0, parallel=3))
        answers = server.ask_all([Question(str(number)) for number in range(7)])
    assert answers == [str(number) for number in range(7)]
    assert 1 < stand_in.at_once <= 3


def test_a_server_that_fails_once_is_asked_again() -> None:
    script: Script = lambda number, _: said("now") if number else failed(500)  # noqa: E731
    assert ask(script, Patience(timeout=20, retries=1)) == "now"


def test_a_busy_server_is_given_the_pause_it_asks_for() -> None:
    busy = failed(429, "slow down", {"Retry-After": "0.4"})
    script: Script = lambda number, _: said("now") if number else busy  # noqa: E731
    began = time.monotonic()
    assert ask(script, Patience(timeout=20, retries=1)) == "now"
    assert time.monotonic() - began >= 0.4


def test_a_pause_without_end_is_not_waited_for() -> None:
    began = time.monotonic()
    with pytest.raises(ServerFailed, match="3600 s"):
        ask(always(failed(429, "", {"Retry-After": "3600"})), Patience(timeout=20, retries=5))
    assert time.monotonic() - began < 20


def test_a_server_that_hangs_is_left_after_the_time_limit() -> None:
    began = time.monotonic()
    with pytest.raises(ServerUnreachable, match=r"nothing within 0\.5 s"):
        ask(lambda _number, _body: hung(), Patience(timeout=0.5, retries=0))
    assert time.monotonic() - began < 20


def test_where_nothing_listens_the_address_is_named() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(ServerUnreachable, match=url):
        ChatServer(parse_server_name(f"openai:{url}/m"), ONCE).ask(Question("?"))


@pytest.mark.parametrize(
    ("reply", "kind", "told"),
    [
        (failed(401, "no key"), ServerRefused, "OPENAI_API_KEY"),
        (failed(404, "no such model"), ServerRefused, "tiny-vision"),
        (failed(500, "boom"), ServerFailed, "boom"),
        ((500, {}, b"[" * 100_000), ServerFailed, "500"),
        ((503, {}, b"<html><h1>Bad Gateway</h1>"), ServerFailed, "Bad Gateway"),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), ServerUnintelligible, "redirects"),
        ((200, {}, b"<html>Welcome</html>"), ServerUnintelligible, "no JSON"),
        ((200, {}, b'{"choices": []}'), ServerUnintelligible, "no choices"),
        ((200, {}, b"[" * 100_000), ServerUnintelligible, "no JSON"),
        ((200, {}, b" " * (1 << 21)), ServerUnintelligible, "no end"),
    ],
)
def test_what_a_server_does_wrong_is_named(
    reply: Reply, kind: type[ServerError], told: str
) -> None:
    with pytest.raises(kind, match=told):
        ask(always(reply))


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (said(""), "empty"),
        (said(None), "empty"),
        (failed(400, "this picture is too small"), "too small"),
        (failed(413), "413"),
    ],
)
def test_a_question_without_an_answer_does_not_stop_the_next(reply: Reply, told: str) -> None:
    script: Script = lambda number, _: reply if number == 0 else said("fine")  # noqa: E731
    with chat_stand_in(script) as stand_in:
        server = server_at(stand_in, Patience(timeout=20, retries=0, parallel=1))
        first, second = server.ask_all([Question("a", WALL), Question("b", WALL)])
    assert isinstance(first, Unanswered)
    assert told in first.reason
    assert second == "fine"


def test_an_option_that_a_model_refuses_by_name_is_sent_no_more() -> None:
    def particular(_number: int, body: dict[str, object]) -> Reply:
        for name in ("max_tokens", "temperature"):
            if name in body:
                return failed(400, f"Unsupported parameter: '{name}' is not supported.")
        return said(str(body["max_completion_tokens"]))

    with chat_stand_in(particular) as stand_in:
        server = server_at(stand_in)
        assert server.ask(Question("a", longest=33)) == "33"
        asked_before = len(stand_in.asked)
        assert server.ask(Question("b", longest=34)) == "34"
    assert len(stand_in.asked) == asked_before + 1


def test_the_key_is_sent_and_never_told(tmp_path: Path) -> None:
    def echo(_number: int, _body: dict[str, object]) -> Reply:
        return failed(401, f"Incorrect API key provided: {key}")

    key = "sk-a__secret__"
    with chat_stand_in(echo) as stand_in:
        server = server_at(stand_in, key=f" {key}\n")
        with pytest.raises(ServerRefused) as refused:
            server.ask(Question("?"))
    assert stand_in.headers[0]["Authorization"] == f"Bearer {key}"
    assert "secret" not in str(refused.value)
    assert "secret" not in repr(server)


def test_what_is_asked_of_this_machine_goes_by_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with chat_stand_in(always(said("a cat"))) as here, chat_stand_in(always(said("no"))) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert server_at(here, key="sk-secret").ask(Question("?")) == "a cat"
    assert not proxy.asked


def test_a_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://127.0.0.1:1")
    server = ChatServer(parse_server_name("openai:https://192.0.2.1/v1/m"), ONCE)
    with pytest.raises(ServerUnreachable, match="proxy"):
        server.ask(Question("?"))


def test_the_key_does_not_go_over_plain_http_to_another_machine() -> None:
    server = ChatServer(parse_server_name("openai:http://192.0.2.1/v1/m"), ONCE, "sk-secret")
    assert "sk-secret" not in str(vars(server))


def test_what_can_be_no_key_is_refused_unseen() -> None:
    with pytest.raises(BadServerKey) as refused:
        ChatServer(parse_server_name("openai:http://localhost/m"), ONCE, "sk-\x1bsecret")
    assert "secret" not in str(refused.value)
