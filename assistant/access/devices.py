"""Devices: browsers in which somebody has signed in before, known by a signed cookie.

Such a browser has a count of failed tries of its own, so that nobody can lock its person out from elsewhere
(https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies).
"""

import secrets
import time
from dataclasses import dataclass

import jwt

_AUDIENCE = "device"  # what has one is refused where a session is asked for
_LASTS = 365 * 24 * 60 * 60
_NAMES = 5


@dataclass(frozen=True)
class Device:
    id: str | None = None
    """None: nobody has signed in here."""
    names: tuple[str, ...] = ()
    """Who has signed in here, the last one first."""

    def knows(self, name: str) -> bool:
        return self.id is not None and name in self.names


class Devices:
    """Reads and writes the cookies of devices, each for a year."""

    lasts = _LASTS

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def read(self, cookie: str | None) -> Device:
        """The device with this cookie; an unknown one for none, for a forged one, or after a year."""
        try:
            claims = jwt.decode(cookie or "", self._secret, algorithms=["HS256"], audience=_AUDIENCE)
            return Device(str(claims["jti"]), tuple(map(str, claims["names"])))
        except (jwt.InvalidTokenError, KeyError, TypeError):
            return Device()

    def remember(self, device: Device, name: str) -> str:
        """The cookie of `device` now that `name` has signed in there."""
        names = [name, *(other for other in device.names if other != name)][:_NAMES]
        claims = {"aud": _AUDIENCE, "jti": device.id or secrets.token_urlsafe(12), "names": names}
        return jwt.encode({**claims, "exp": int(time.time()) + _LASTS}, self._secret, algorithm="HS256")
