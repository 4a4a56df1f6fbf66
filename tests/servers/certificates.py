"""Certificates for servers of our own."""

import subprocess
from pathlib import Path

from tests.servers.process import program


def certificate(folder: Path, owner: str | None) -> tuple[Path, Path]:
    """A self-signed one of 127.0.0.1, and its key."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    openssl = [program("openssl", "openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*openssl, *names, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    for path in (cert, key):
        path.chmod(0o600)
        if owner:
            subprocess.run(["chown", owner, str(path)], check=True)
    return cert, key
