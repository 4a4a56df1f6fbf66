"""Verifies who signed a JSON export of Threadkeep's, or its ZIP: python verify_signatures.py EXPORT PUBLIC_KEY.pem

Needs the package cryptography. verify_export.py tells whether the signed chains are those of what the export says."""

import io, json, sys, zipfile

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key


def is_signed(thread, key):
    chain = thread.get("chain", {"links": []})
    of = [thread["id"], chain.get("length"), chain.get("hash"), chain.get("signed_at")]
    signed = "\n".join(["threadkeep chain 1", *map(str, of)]).encode()
    try:
        return not chain["links"] or key.verify(bytes.fromhex(chain.get("signature", "")), signed) is None
    except (InvalidSignature, ValueError):
        return False


count, wrong, end, (path, public) = 0, 0, "", sys.argv[1:]
try:
    key = load_pem_public_key(open(public, "rb").read())
    file = zipfile.ZipFile(path).open("threads.json") if zipfile.is_zipfile(path) else open(path, "rb")
    for line in io.TextIOWrapper(file, "utf-8", "surrogateescape"):
        if line.startswith('{"id":'):
            thread = json.loads(line.rstrip(",\n"))
            if not is_signed(thread, key):
                print(f"conversation {thread['id']}, it is not signed with this key")
                wrong += 1
            count += 1
except Exception as error:
    wrong, end = wrong + 1, f"; after conversation {count} it cannot be read, or was cut off: {error!r}"
print(f"conversations: {count}, problems: {wrong}{end}")
sys.exit(1 if wrong else 0)
