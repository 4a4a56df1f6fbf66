"""Who is asking: one person on this machine (`local`), or people with accounts.

Always true: without a password nobody outside this machine gets in; the sessions of an account end when it is disabled
or its password changes.

In local mode the machine is the boundary: whoever can run programs on it can also read this chat.
"""

import asyncio
import fcntl
import ipaddress
import os
import pwd
import secrets
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import chainlit as cl
from chainlit.config import config as chainlit_config
from chainlit.logger import logger
from chainlit.server import app as chainlit_app
from fastapi import HTTPException

from assistant.accounts import FILE_NAME, AccountError, Accounts, account_key
from assistant.config import Config
from assistant.guard import Current, Guard
from assistant.throttle import Throttle

_LOCAL_USER = "local"
_SESSION = "valid_after"  # where a token keeps what Accounts.verify returned


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


def install(config: Config) -> None:
    """Make Chainlit ask who is there, and guard its server. To be called while Chainlit loads the app.

    Raises SystemExit with one line when local mode would listen to other machines, or the accounts cannot be read.
    """
    os.environ["CHAINLIT_AUTH_SECRET"] = signing_secret(config)
    user = _local_user() if config.auth == "local" else None
    current = _use_local_user(user) if user else _use_accounts(config)
    # `chainlit run -w` executes the app again, when the server that runs has its guard and takes no other.
    if chainlit_app.middleware_stack is None:
        chainlit_app.add_middleware(Guard, local=user, current=current)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _local_user() -> cl.User:
    host = chainlit_config.run.host  # what is bound: `--host` wins over the environment
    if not _is_loopback(host):
        raise SystemExit(
            f"CHAINLIT_HOST={host} lets other machines in without a password: "
            "use 127.0.0.1, or accounts (THREADKEEP_AUTH=accounts)."
        )
    return cl.User(identifier=_LOCAL_USER, display_name=_login_name())


def _use_local_user(user: cl.User) -> Current:
    async def sign_in(headers: Mapping[str, str]) -> cl.User:
        return user

    cl.header_auth_callback(sign_in)
    # A cookie of somebody's account, from before the mode was changed, must not show that person's threads.
    return lambda user: user.identifier == _LOCAL_USER


def _login_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under an id without a name
        return "You"


def _use_accounts(config: Config) -> Current:
    accounts = Accounts(config.home / FILE_NAME)
    try:
        if not accounts.list():
            logger.warning("There is no account yet: python -m assistant users add NAME")
    except AccountError as error:
        raise SystemExit(str(error)) from None
    # Not through cl.password_auth_callback: its wrapper swallows exceptions, and 429 would come out as 401.
    chainlit_config.code.password_auth_callback = password_sign_in(accounts, Throttle())
    return lambda user: _is_current(accounts, user)


def _is_current(accounts: Accounts, user: cl.User) -> bool:
    try:
        return accounts.is_current(user.identifier, user.metadata.get(_SESSION))
    except AccountError as error:
        logger.error("%s", error)
        return False


def password_sign_in(accounts: Accounts, throttle: Throttle) -> Callable[[str, str], Awaitable[cl.User | None]]:
    """Return a callback that takes a name and a password; None means refused, without a reason.

    The callback raises HTTPException: 429 after too many tries for a name, 503 when the accounts cannot be read.
    """
    workers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="sign-in")  # each hash takes 64 MiB

    async def sign_in(username: str, password: str) -> cl.User | None:
        name = account_key(username)
        if not throttle.admit(name):
            raise HTTPException(429, "toomanytries")
        try:
            session = await asyncio.get_running_loop().run_in_executor(workers, accounts.verify, name, password)
        except AccountError as error:
            logger.error("%s", error)
            raise HTTPException(503, "default") from error
        if session is None:
            return None
        throttle.reset(name)
        return cl.User(identifier=name, metadata={_SESSION: session})

    return sign_in
