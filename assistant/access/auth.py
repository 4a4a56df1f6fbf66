"""Who is asking: one person on this machine (`local`), or people with accounts.

Always true: without a password nobody outside this machine gets in; the sessions of an account end when it is disabled
or its password changes.

In local mode the machine is the boundary: whoever can run programs on it can also read this chat.
"""

import fcntl
import ipaddress
import os
import pwd
import secrets
from typing import TYPE_CHECKING

from chainlit.config import HeaderLink
from chainlit.config import config as chainlit_config
from chainlit.data import get_data_layer
from chainlit.logger import logger
from chainlit.server import app as chainlit_app

from assistant.access import account, routes
from assistant.access.accounts import FILE_NAME, AccountError, Accounts, former_accounts
from assistant.access.devices import Devices
from assistant.access.guard import Guard
from assistant.access.passwords import Passwords
from assistant.access.returning import Returning
from assistant.access.session_values import InDatabase
from assistant.access.sessions import InFiles, SessionFile, Sessions
from assistant.access.values import Values
from assistant.access.visitors import Visitors
from assistant.config import Config
from assistant.fixes import cookie_names
from assistant.fixes.secure_cookies import SecureCookies
from datalayer import DataLayer, Store

if TYPE_CHECKING:
    from assistant.memory.link import Link

_SESSIONS, _LOCAL_SESSIONS = 200, 1000
"""Of one person. Without a password, every program on this machine that asks for the page begins one."""


_KNOWN_HERE_ALONE = (
    "Who signs in here is a stranger at every other instance: CHAINLIT_AUTH_SECRET and CHAINLIT_AUTH_COOKIE_NAME are "
    "not set, which are the same for all."
)


def signing_secret(config: Config) -> str:
    """Return the secret that signs the session cookies: the configured one, else the one kept in `home`.

    It is made at first use. The lock lets two processes that start at once agree; a file left short by a crash is
    filled anew, which only ends the sessions. Raises OSError.
    """
    if config.auth_secret is not None:
        return config.auth_secret.get_secret_value()
    descriptor = os.open(config.home / "secret", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        os.fchmod(descriptor, 0o600)
        secret = file.read()
        if len(secret) < 64:
            secret = secrets.token_hex(48)
            file.seek(0)
            file.write(secret)
            file.flush()
            os.fsync(descriptor)
    return secret


def install(config: Config, link: "Link | None" = None) -> Visitors:
    """Make Chainlit ask who is there, and guard its server. To be called while Chainlit loads the app.

    `link`: to the Redis by which all instances count the tries.

    Returns who is there. Raises SystemExit with one line when local mode would listen to other machines, or the
    accounts cannot be read.
    """
    os.environ["CHAINLIT_AUTH_SECRET"] = secret = signing_secret(config)
    cookie_names.install(config.home, config.cookie_name)
    values = Values(_store)
    sessions = _sessions(config, values)
    if config.auth == "local":
        visitors, passwords = Visitors(sessions, None, _local_name()), None
        chainlit_config.code.header_auth_callback = _nobody
    else:
        if _on_server(config) and None in (config.auth_secret, config.cookie_name):
            logger.warning(_KNOWN_HERE_ALONE)
        accounts = _accounts(config, values)
        visitors, passwords = Visitors(sessions, accounts), Passwords(accounts, link)
        _link_to_account()
        chainlit_config.code.password_auth_callback = _nobody
    own = account.make(visitors, passwords, secret).routes if passwords else []
    routes.mount([*routes.make(visitors, passwords, Devices(secret)).routes, *own])
    # `chainlit run -w` executes the app again, when the server that runs has its guard and takes no other.
    if chainlit_app.middleware_stack is None:
        if passwords:
            chainlit_app.add_middleware(Returning, visitors=visitors)
        chainlit_app.add_middleware(Guard, visitors=visitors)
        chainlit_app.add_middleware(SecureCookies)
    return visitors


def _link_to_account() -> None:
    ui, address = chainlit_config.ui, f"{chainlit_config.run.root_path}/account"
    link = HeaderLink(name="Account", icon_url="/public/account.svg", url=address, target="_self")
    ui.header_links = [*(each for each in ui.header_links or [] if each.url != address), link]


async def _nobody(*_: object) -> None:
    """Chainlit's own way in, which tells its page how one signs in; access/routes.py is asked instead."""


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _local_name() -> str:
    host = chainlit_config.run.host  # what is bound: `--host` wins over the environment
    if not _is_loopback(host):
        raise SystemExit(
            f"CHAINLIT_HOST={host} lets other machines in without a password: "
            "use 127.0.0.1, or accounts (THREADKEEP_AUTH=accounts)."
        )
    return _login_name()


def _login_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under an id without a name
        return "You"


def _on_server(config: Config) -> bool:
    return not config.database_url.startswith("sqlite")


def _store() -> Store:
    layer = get_data_layer()
    assert isinstance(layer, DataLayer)
    return layer.store


def _sessions(config: Config, values: Values) -> Sessions:
    """Beside a file of SQLite's, where they can be written while the file is locked; else in the database."""
    if config.auth == "accounts" and _on_server(config):
        return InDatabase(values, limit=_SESSIONS)
    limit = _LOCAL_SESSIONS if config.auth == "local" else _SESSIONS
    return InFiles(SessionFile(config.home / "sessions", limit))


def _accounts(config: Config, values: Values) -> Accounts:
    former = config.home / FILE_NAME
    try:
        former_accounts(former)
    except AccountError as error:
        raise SystemExit(str(error)) from None
    return Accounts(values, former)


async def look_for_accounts(config: Config) -> None:
    """Say so when nobody can sign in yet. To be called when the store is open. Raises DataLayerError."""
    if config.auth != "accounts":
        return
    try:
        if not await _accounts(config, Values(_store)).list():
            logger.warning("There is no account yet: python -m assistant users add NAME")
    except AccountError as error:
        logger.error("%s", error)
