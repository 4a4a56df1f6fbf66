"""The page of one's own account as HTML: it needs no script. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape

from babel.dates import format_timedelta

from assistant.texts import Language, date, say

from .agents import in_words
from .sessions import Session


@dataclass(frozen=True)
class View:
    """What the page shows."""

    app: str
    root: str
    """The path of the app."""
    to: Language
    name: str
    sessions: Mapping[str, Session]
    here: str
    """The id of the session that asks."""
    guard: str
    """What proves that a form comes from this page."""
    now: float
    """Seconds since 1970."""
    notice: str = ""
    """A sentence, of a success or of a failure."""
    failure: bool = False
    """Whether the notice is one."""

    def say(self, key: str, **values: object) -> str:
        return escape(say(key, self.to, **values))


def render(view: View) -> str:
    """The whole page."""
    title = f"{view.say('account_title')} – {escape(view.app)}"
    notice = f'<p class="notice" role="{"alert" if view.failure else "status"}">{escape(view.notice)}</p>'
    return f"""<!doctype html>
<html lang="{view.to}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="{view.root}/favicon">
<link rel="stylesheet" href="{view.root}/public/account.css">
</head>
<body>
<main>
<p><a href="{view.root}/">{view.say("account_back")}</a></p>
<h1>{view.say("account_title")}</h1>
{notice if view.notice else ""}
<p>{view.say("account_name", name=view.name)}</p>
{_password(view)}
{_sessions(view)}
</main>
</body>
</html>
"""


def _password(view: View) -> str:
    return f"""<section aria-labelledby="password">
<h2 id="password">{view.say("account_password")}</h2>
<form method="post" action="{view.root}/account/password">
{_guard(view)}
<input type="text" name="username" value="{escape(view.name)}" autocomplete="username" hidden>
{_field(view, "old", "current-password")}
{_field(view, "new", "new-password", f'<p id="rule">{view.say("account_rule")}</p>')}
{_field(view, "again", "new-password")}
<button type="submit">{view.say("account_password")}</button>
</form>
</section>"""


def _field(view: View, name: str, complete: str, rule: str = "") -> str:
    described = ' aria-describedby="rule"' if rule else ""
    more = f'autocomplete="{complete}" maxlength="1024" required{described}'
    return f"""<label for="{name}">{view.say(f"account_{name}")}</label>
<input type="password" id="{name}" name="{name}" {more}>{rule}"""


def _guard(view: View) -> str:
    return f'<input type="hidden" name="guard" value="{view.guard}">'


def _sessions(view: View) -> str:
    others = f"""<form method="post" action="{view.root}/account/sessions">
{_guard(view)}
<button type="submit" name="others" value="yes">{view.say("account_end_others")}</button>
</form>"""
    return f"""<section aria-labelledby="sessions">
<h2 id="sessions">{view.say("account_sessions")}</h2>
<p>{view.say("account_sessions_help")}</p>
<ul>
{"".join(_session(view, key, session) for key, session in view.sessions.items())}</ul>
{others if len(view.sessions) > 1 else ""}
</section>"""


def _session(view: View, key: str, session: Session) -> str:
    browser, opened = in_words(session.agent, view.to), _day(session.opened_at, view.to)
    here = key == view.here
    used = view.say("account_now") if here else view.say("account_used", ago=_ago(view.now - session.used_at, view.to))
    end = f"""<form method="post" action="{view.root}/account/sessions">
{_guard(view)}
<button type="submit" name="end" value="{escape(key)}" aria-label="{
        view.say("account_end_one", browser=browser, date=opened)
    }">{view.say("account_end")}</button>
</form>"""
    return f"""<li>
<div><strong>{escape(browser)}</strong>{f" <em>{view.say('account_here')}</em>" if here else ""}
<br>{view.say("account_opened", date=opened)}, {used}</div>
{"" if here else end}
</li>
"""


def _day(seconds: float, to: Language) -> str:
    return date(datetime.fromtimestamp(seconds, UTC), to)


def _ago(seconds: float, to: Language) -> str:
    """``5 minutes ago``; the time of a use is not known better."""
    return format_timedelta(-timedelta(seconds=max(seconds, 300)), add_direction=True, threshold=1.2, locale=to)
