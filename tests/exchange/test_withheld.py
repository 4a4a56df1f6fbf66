"""Keys, tokens, passwords and what a session held never leave; what people have said and set does."""

from typing import Any

import pytest

from exchange import withheld

SECRETS = [
    *("api_key", "apiKey", "OPENAI_API_KEY", "openai-api-key", "password", "Password", "user_password", "passwd"),
    *("secret", "client_secret", "clientSecret", "token", "access_token", "refreshToken", "id_token", "authorization"),
    *("Authorization", "cookie", "Set-Cookie", "session_id", "sessionId", "session", "credentials", "private_key"),
    *("password_hash", "csrf_token", "jwt", "auth", "x-auth-token", "aws_secret_access_key"),
]
HARMLESS: dict[str, Any] = {
    **{"max_tokens": 100, "tokens": 12, "token_count": {"in": 3, "out": 4}, "completion_tokens": 5, "author": "ann"},
    **{"keywords": ["a"], "key": "c major", "monkey": "x", "tokenizer": "cl100k", "system_prompt": "Keep my secret."},
    **{"authors": ["x"], "passage": "y", "secretary": "Bo", "temperature": 0.5, "password": "", "token": None},
    **{"sessions": 3, "cookies_accepted": True, "description": "my password is hunter2", "thought_signature": "abc"},
}
VALUES = [
    "sk-proj-0123456789abcdefghij",
    "sk-ant-api03-abcdefghijklmnop",
    "AIzaSyA0123456789abcdefghijklmnopqrstuv",
    "ghp_0123456789abcdefghij0123456789",
    "Bearer abcdefgh12345678",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$hash",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("name", SECRETS)
def test_what_is_named_a_secret_is_left_out_in_all_depths(name: str) -> None:
    assert withheld.without({"a": [{"b": {name: "hidden", "c": 1}}], name: {"deep": "hidden"}}) == {
        "a": [{"b": {"c": 1}}]
    }


def test_what_only_sounds_like_one_stays() -> None:
    assert withheld.without(HARMLESS) is HARMLESS


@pytest.mark.parametrize("value", VALUES)
def test_what_looks_like_a_key_is_left_out_whatever_it_is_called(value: str) -> None:
    assert withheld.without({"note": value, "list": ["x", value], "said": f"I use {value} here"}) == {
        "list": ["x"],
        "said": f"I use {value} here",
    }


def test_what_a_session_of_chainlits_was_is_left_out_of_a_threads_metadata() -> None:
    given = {"id": "session", "env": {"K": "v"}, "user": {"metadata": {}}, "http_referer": "/x", "chat_profile": "p"}
    assert withheld.of_thread(given) == {"chat_profile": "p"}
    assert withheld.of_thread(kept := {"chat_settings": {"model": "m"}}) is kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://ann:secret@x.org/a?b=1", "https://x.org/a?b=1"),
        ("https://b.s3.amazonaws.com/k?X-Amz-Signature=f&X-Amz-Credential=c&v=2", "https://b.s3.amazonaws.com/k?v=2"),
        ("https://x.org/?key=AIza&token=t&q=a%20b&sig=1", "https://x.org/?q=a%20b"),
        ("https://x.org/plain?q=a+b", "https://x.org/plain?q=a+b"),
        ("/public/a@2x.png", "/public/a@2x.png"),
        ("http://[broken?a=@", ""),
        ("https://x.org/#access_token=abc", "https://x.org/"),
    ],
)
def test_an_address_lets_nobody_in(given: str, kept: str) -> None:
    assert withheld.address(given) == kept


def test_what_is_deeply_nested_is_looked_through() -> None:
    value: Any = {"token": "hidden"}
    for _ in range(200):
        value = {"a": value}
    assert "hidden" not in str(withheld.without(value))
