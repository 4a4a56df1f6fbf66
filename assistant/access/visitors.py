"""Who is there: the sessions that begin, go on and end, in both modes.

Always true: a session goes on while it is written where the sessions are and, with accounts, while the account is
neither disabled nor changed since.
"""

from collections.abc import Container, Mapping

from chainlit.logger import logger
from starlette.requests import Request

from assistant.access.accounts import AccountError, Accounts

from . import cookies, tokens
from .sessions import Session, Sessions
from .tokens import Token

LOCAL = "local"


class Visitors:
    """The visitors of this server. Every look raises DataLayerError where the database does not answer, and has not
    done so lately."""

    def __init__(self, sessions: Sessions, accounts: Accounts | None, display_name: str | None = None) -> None:
        """`accounts` None: there is one person, who is called `display_name`, and no other."""
        self.sessions, self.accounts, self._display_name = sessions, accounts, display_name

    async def session(self, token: Token | None) -> Session | None:
        """The session of `token`; None when there is none, or it is over."""
        if token is None or (self.accounts is None and token.name != LOCAL):
            # A cookie of somebody's account, from before the mode was changed, must not show that person's threads.
            return None
        session = await self.sessions.get(token.name, token.session)
        return session if session is not None and await self._is_current(token.name, session) else None

    async def is_current(self, token: Token) -> bool:
        """Whether the session of `token` may go on."""
        return await self.session(token) is not None

    async def stays(self, request: Request) -> bool:
        """Whether the session that once sent ``request`` still goes on."""
        token = tokens.read(cookies.token_of(request))
        return token is not None and await self.is_current(token)

    async def knows(self, name: str) -> bool:
        """Whether `name` may come in with a personal token: there is an account, which is not disabled. Raises
        DataLayerError."""
        if self.accounts is None:
            return name == LOCAL
        try:
            account = await self.accounts.get(name)
        except AccountError as error:
            logger.error("%s", error)
            return False
        return account is not None and not account.disabled

    async def _is_current(self, name: str, session: Session) -> bool:
        try:
            return self.accounts is None or await self.accounts.is_current(name, session.valid_after)
        except AccountError as error:
            logger.error("%s", error)
            return False

    async def open_sessions(self, name: str) -> Mapping[str, Session]:
        """The sessions of `name` that go on, by id, those used last first."""
        sessions = await self.sessions.list(name)
        return {key: session for key, session in sessions.items() if await self._is_current(name, session)}

    def used(self, token: Token) -> None:
        """Note that the session of `token` is used now."""
        self.sessions.note_use(token.name, token.session)

    async def begin(self, request: Request, name: str = LOCAL, valid_after: float = 0) -> str:
        """Begin a session, in place of the one that the browser had, and return its token. Raises OSError,
        DataLayerError."""
        lasts, agent = cookies.session_lasts(), request.headers.get("user-agent", "")
        await self.end(tokens.read(cookies.token_of(request)))
        key = await self.sessions.open(name, valid_after, lasts, agent)
        return tokens.issue(name, key, lasts, self._display_name)

    async def end(self, token: Token | None) -> None:
        """End the session of `token`: whatever comes with it from now on is a stranger's."""
        if token is not None and await self.sessions.get(token.name, token.session) is not None:
            await self.end_these(token.name, {token.session})

    async def end_these(self, name: str, keys: Container[str]) -> None:
        """End these sessions of `name`. Raises OSError when not even that is possible."""
        await self.sessions.end(name, keys)
