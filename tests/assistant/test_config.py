"""The configuration: defaults, every variable, and one clear line for a bad value."""

import logging
from pathlib import Path

import pytest

from assistant import config

VARIABLES = [name for field in config.Config.model_fields.values() for name in config._names(field.validation_alias)]

LOGGERS = ("assistant", "datalayer")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*VARIABLES, "CHAINLIT_ENV_FILE"):
        # Set before it is deleted: what a test's .env adds is then undone as well.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("THREADKEEP_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def failure() -> str:
    with pytest.raises(SystemExit) as caught:
        config.load()
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_defaults_live_in_a_private_home(tmp_path: Path) -> None:
    loaded = config.load()
    home = tmp_path / "home"
    assert (loaded.home, loaded.files) == (home, home / "files")
    assert loaded.database_url == f"sqlite+aiosqlite:///{home}/threads.db"
    assert (loaded.auth, loaded.host, loaded.port) == ("local", "127.0.0.1", 8000)
    assert loaded.gemini_api_key is None
    assert loaded.auth_secret is None
    assert home.stat().st_mode & 0o777 == 0o700


def test_home_defaults_to_the_users_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("THREADKEEP_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert config.load().home == tmp_path / "data" / "threadkeep"


def test_paths_become_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("THREADKEEP_HOME", "~/kept")
    monkeypatch.setenv("THREADKEEP_FILES", "blobs")
    loaded = config.load()
    assert (loaded.home, loaded.files) == (tmp_path / "kept", tmp_path / "blobs")


def test_files_may_be_in_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THREADKEEP_FILES", "s3://bucket/pre/fix")
    assert config.load().files == "s3://bucket/pre/fix"


@pytest.mark.parametrize(
    "url", ["s3://", "s3://key:secret@bucket/x", "gs://bucket/x", "s3://bucket/a b", "https://host/b"]
)
def test_what_is_no_bucket_is_refused_without_saying_it_again(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("THREADKEEP_FILES", url)
    with pytest.raises(SystemExit) as refusal:
        config.load()
    assert "THREADKEEP_FILES: expected" in str(refusal.value)
    assert "secret" not in str(refusal.value)


def test_every_variable_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "s" * 32
    values = {
        "THREADKEEP_AUTH": "accounts",
        "THREADKEEP_DATABASE_URL": "postgresql+asyncpg://me:hidden@db/threads",
        "GEMINI_API_KEY": "the-key",
        "CHAINLIT_HOST": "::1",
        "CHAINLIT_PORT": "65535",
        "CHAINLIT_AUTH_SECRET": secret,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    loaded = config.load()
    assert (loaded.auth, loaded.host, loaded.port) == ("accounts", "::1", 65535)
    assert loaded.database_url == values["THREADKEEP_DATABASE_URL"]
    assert loaded.gemini_api_key is not None
    assert loaded.gemini_api_key.get_secret_value() == "the-key"
    assert loaded.auth_secret is not None
    assert not any(hidden in repr(loaded) for hidden in ("the-key", "hidden", secret))


def test_the_models_and_what_watches_over_them(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "OPENAI_API_KEY": "open-key",
        "OPENAI_BASE_URL": "http://127.0.0.1:11434/v1",
        "THREADKEEP_GEMINI_SDK": "google-generativeai",
        "THREADKEEP_MODEL": "llama",
        "THREADKEEP_FALLBACK_MODELS": " qwen , gemini-2.5-flash-lite,",
        "THREADKEEP_CONTEXT_WINDOW": "4096",
        "THREADKEEP_FIRST_TOKEN_TIMEOUT": "2.5",
        "THREADKEEP_MEMORY_URL": "redis+sentinel://:redis-password@one,two:26380/chat?sentinel_password=sentinel-password",
        "THREADKEEP_HOT_SESSIONS": "5",
        "THREADKEEP_HOT_MINUTES": "0.5",
        "LANGFUSE_PUBLIC_KEY": "pk-lf-1",
        "LANGFUSE_SECRET_KEY": "sk-lf-1",
        "LANGFUSE_HOST": "http://127.0.0.1:3000",
        "GEMINI_BASE_URL": "http://me:proxy-password@127.0.0.1:3001",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    loaded = config.load()
    assert (loaded.gemini_sdk, loaded.model, loaded.context_window) == ("google-generativeai", "llama", 4096)
    assert loaded.fallback_models == ("qwen", "gemini-2.5-flash-lite")
    assert (loaded.first_token_timeout, loaded.hot_sessions, loaded.hot_minutes) == (2.5, 5, 0.5)
    assert loaded.langfuse_base_url == "http://127.0.0.1:3000"
    hidden = {"open-key", "pk-lf-1", "sk-lf-1", "redis-password", "sentinel-password", "proxy-password"}
    assert hidden <= set(loaded.secrets)
    assert not any(secret in repr(loaded) for secret in hidden)


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        if name != "THREADKEEP_HOME":
            monkeypatch.setenv(name, "")
    loaded = config.load()
    assert (loaded.gemini_api_key, loaded.auth_secret, loaded.port) == (None, None, 8000)


def test_only_the_documented_names_count(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("port", "PORT", "chainlit_port", "host", "HOST"):
        monkeypatch.setenv(name, "elsewhere")
    assert (config.load().host, config.load().port) == ("127.0.0.1", 8000)


def test_the_env_file_counts_for_the_command_line_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CHAINLIT_PORT=81\nGEMINI_API_KEY=from-file\n")
    monkeypatch.setenv("GEMINI_API_KEY", "")
    loaded = config.load()
    assert (loaded.port, loaded.gemini_api_key) == (81, None)


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("THREADKEEP_AUTH", "none", '"local" or "accounts"'),
        ("THREADKEEP_HOME", "~nobody-has-this-name/x", "a folder"),
        ("THREADKEEP_DATABASE_URL", "threads-hidden.db", "a database URL such as"),
        ("CHAINLIT_PORT", "80a", "from 1 to 65535"),
        ("CHAINLIT_PORT", "0", "from 1 to 65535"),
        ("CHAINLIT_PORT", "65536", "from 1 to 65535"),
        ("CHAINLIT_AUTH_SECRET", "hidden-short", "at least 32 characters"),
        ("OPENAI_BASE_URL", "hidden:11434", "an http(s) address"),
        ("LANGFUSE_HOST", "hidden", "an http(s) address"),
        ("THREADKEEP_GEMINI_SDK", "vertex", '"google-genai" or "google-generativeai"'),
        ("THREADKEEP_FIRST_TOKEN_TIMEOUT", "0", "a number of seconds above 0"),
        ("THREADKEEP_CONTEXT_WINDOW", "100", "512 or more"),
        ("THREADKEEP_MEMORY_URL", "http://hidden", "an address of Redis"),
        ("THREADKEEP_HOT_SESSIONS", "0", "1 or more"),
        ("THREADKEEP_HOT_SESSIONS", "-3", "1 or more"),
        ("THREADKEEP_HOT_MINUTES", "0", "a number of minutes"),
        ("THREADKEEP_SUMMARY_AT", "1.5", "at most 1"),
    ],
)
def test_a_bad_value_stops_the_start(monkeypatch: pytest.MonkeyPatch, name: str, value: str, accepted: str) -> None:
    monkeypatch.setenv(name, value)
    message = failure()
    assert message.startswith(f"{name}: ")
    assert accepted in message
    assert "hidden" not in message


def test_a_home_that_is_a_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    assert failure().startswith("THREADKEEP_HOME: cannot use")


def test_a_home_under_a_file_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("THREADKEEP_HOME", str(tmp_path / "file" / "home"))
    assert failure().startswith("THREADKEEP_HOME: cannot use")


def test_the_level_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [logging.getLogger(name).level for name in LOGGERS]
    try:
        config.load()
        assert not any(logging.getLogger(name).isEnabledFor(logging.DEBUG) for name in LOGGERS)
        monkeypatch.setenv("THREADKEEP_LOG_LEVEL", "debug")
        config.load()
        assert all(logging.getLogger(name).isEnabledFor(logging.DEBUG) for name in LOGGERS)
        monkeypatch.setenv("THREADKEEP_LOG_LEVEL", "loud")
        assert failure() == 'THREADKEEP_LOG_LEVEL: expected "debug", "info", "warning" or "error".'
    finally:
        for name, level in zip(LOGGERS, before, strict=True):
            logging.getLogger(name).setLevel(level)
