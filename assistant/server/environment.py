"""What of the environment would stop the start, or speaks to other programs: left out before anything reads it.

To be called before Chainlit and the models' SDKs are imported. Every variable that a person has set for programs like
this one, and that cannot be used, gets one line; its value is never shown, it may hold a password.
"""

import io
import os
import ssl
import sys
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

# Chainlit's command line and its configuration take these for their own, and other programs mean something else by
# them: `CI` replaces the OpenAI key, `DEBUG=express:*` and `RUN=yes` end the start.
_NOT_OURS = {
    *("CI", "DEBUG", "HEADLESS", "NO_CACHE", "RUN_TARGET", "WATCH"),
    *("ROOT", "CHAINLIT_SERVER", "RUN", "FEATURES", "UI", "PROJECT", "CODE"),
}
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
# What Chainlit imports at start when the variable is there.
_BOTS = {"DISCORD_BOT_TOKEN": "discord", "SLACK_BOT_TOKEN": "slack_bolt", "TEAMS_APP_ID": "botbuilder"}


def tell(line: str) -> None:
    """To whoever started the program: before Chainlit is imported there is no log."""
    print(line, file=sys.stderr, flush=True)


def mend() -> None:
    """Changes ``os.environ`` and the streams of this process. Raises nothing."""
    _mend_interpreter()
    for name in [name for name in os.environ if name.upper() in _NOT_OURS]:
        del os.environ[name]
    for name in _CERTIFICATES:
        _leave_out(name, _load_certificates, "the certificates of the system are used")
    _leave_out("SSLKEYLOGFILE", _log_keys, "no keys are logged")
    for name in [name for name in os.environ if name.upper() in _PROXIES]:
        _leave_out(name, _use_proxy, "the internet is reached without it")
    for name in [name for name in os.environ if name.upper() == "NO_PROXY"]:
        _leave_out(name, _use_proxies, "the proxy is used for all addresses")
    for name, package in _BOTS.items():
        if name in os.environ and find_spec(package) is None:
            del os.environ[name]
            tell(f"{name} is not used: it needs the package {package}, which is not installed.")


def _mend_interpreter() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a locale without accents must not end what is said with them
            stream.reconfigure(errors="backslashreplace")
    if any("error" in option for option in sys.warnoptions):  # PYTHONWARNINGS=error: libraries do warn
        warnings.resetwarnings()


def _leave_out(name: str, use: Callable[[str], None], instead: str) -> None:
    value = os.environ.get(name, "").strip()
    try:
        if value:
            use(value)
    except Exception as error:  # whatever is wrong with it, it would end the start later
        del os.environ[name]
        tell(f"{name} cannot be used ({_reason(error)}): {instead}.")


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__


def _load_certificates(value: str) -> None:
    paths = value.split(os.pathsep)
    if any(map(os.path.isdir, paths)):
        return
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=value)


def _log_keys(value: str) -> None:
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).keylog_filename = value


def _use_proxy(value: str) -> None:
    import httpx  # a third of a second, for those only who have a proxy

    httpx.Client(proxy=value if "://" in value else f"http://{value}", trust_env=False).close()


def _use_proxies(value: str) -> None:
    import httpx

    httpx.Client(verify=False).close()  # reads them all


def usable(folder: Path) -> bool:
    """Whether ``folder`` is this user's to write to, or could be made so; it is made."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owned = folder.lstat().st_uid == os.geteuid() or os.geteuid() == 0
        return owned and os.access(folder, os.R_OK | os.W_OK | os.X_OK)
    except OSError:
        return False
