"""Exports that are signed with a key of the operator's: Ed25519, in a PEM file that nobody else can read."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from datalayer import InvalidInput


@dataclass(frozen=True, slots=True)
class Signer:
    public: str
    """The public key, 64 hex digits."""
    sign: Callable[[str], str] = field(repr=False)
    """The signature of a text, 128 hex digits."""


def signer(path: Path) -> Signer:
    """With the private key in a file. Raises InvalidInput for what is no such key, for one that others can read, and
    where the package cryptography is not installed."""
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        raise InvalidInput("Signing needs the package cryptography: pip install 'threadkeep[proof]'") from None
    content = _content(path)
    try:
        key = load_pem_private_key(content, None)
    except Exception:  # whose words may quote the file
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidInput(f"{path} has no Ed25519 private key, in PEM and without a password")
    return Signer(key.public_key().public_bytes_raw().hex(), lambda text: key.sign(text.encode()).hex())


def _content(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise InvalidInput(f"Others can read the key: chmod 600 {path}")
            return file.read(1 << 16)
    except OSError as error:
        raise InvalidInput(f"The key cannot be read: {path} ({error.strerror})") from None
