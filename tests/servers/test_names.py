"""How servers are spelled."""

from __future__ import annotations

import pytest

from clipsearch.server_errors import BadServerName
from clipsearch.servers import parse_server_name


@pytest.mark.parametrize(
    ("text", "base", "model"),
    [
        ("openai:http://localhost:11434/v1/llava:7b", "http://localhost:11434/v1", "llava:7b"),
        ("openai:http://[::1]:8000/v1/Qwen/Qwen3-VL", "http://[::1]:8000/v1", "Qwen/Qwen3-VL"),
        ("openai:https://api.openai.com/v1/gpt-x", "https://api.openai.com/v1", "gpt-x"),
        ("openai:http://localhost:11434/llava", "http://localhost:11434/v1", "llava"),
        ("openai:https://host/api/chat/m", "https://host/api/chat", "m"),
        ("openai:https://host/v1beta/openai/m", "https://host/v1beta/openai", "m"),
    ],
)
def test_url_and_model_are_told_apart(text: str, base: str, model: str) -> None:
    name = parse_server_name(text)
    assert (name.base, name.model) == (base, model)


@pytest.mark.parametrize(
    "text",
    [
        "openai:gpt-x",
        "openai:",
        "openai:ftp://host/v1/m",
        "openai:http:///v1/m",
        "openai:http://host:port/v1/m",
        "openai:http://host/v1",
        "openai:http://host/v1/",
        "openai:http://user:secret@host/v1/m",
        "openai:http://host/v1/m?key=secret",
        "openai:http://host/v1/m\x1b[31m",
        "openai:http://host/v1/" + "m" * 300,
    ],
)
def test_what_names_no_server_or_holds_a_secret_is_refused(text: str) -> None:
    with pytest.raises(BadServerName) as refused:
        parse_server_name(text)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://host/v1/m", True),
        ("http://localhost/v1/m", True),
        ("http://127.0.0.9/v1/m", True),
        ("http://[::1]/v1/m", True),
        ("http://host/v1/m", False),
        ("http://localhost.example.com/v1/m", False),
    ],
)
def test_plain_http_is_private_on_this_machine_alone(url: str, private: bool) -> None:
    assert parse_server_name(url).is_private is private
