# mypy: ignore-errors
# ruff: noqa: E401, E731, I001, SIM115
"""Verifies a JSON export of Threadkeep's, or a ZIP with one: python verify_export.py EXPORT [PUBLIC_KEY.pem]

It needs nothing but Python 3.10; for signatures the package cryptography. docs/proof.md says what it proves."""

import hashlib, io, json, sys, zipfile, zlib

KINDS = ("user_message", "assistant_message", "aside", "versions")
sha = lambda *parts: hashlib.sha256(b"".join(parts)).digest()


def marks(step):
    known = step.get("metadata", {}).get(step.get("type")) if step.get("type") in KINDS[2:] else None
    return known if isinstance(known, dict) else {}


def said(step, files):
    fields = [step.get(name) for name in ("id", "type", "parent_id", "name", "input", "output", "created_at")]
    return json.dumps([*fields, files, marks(step)], separators=(",", ":"), sort_keys=True).encode()


def problems(thread, key):
    chain, files, gone = thread.get("chain", {"links": []}), {}, {}
    for file in sorted(thread["elements"], key=lambda file: file["id"]):
        named = [file["id"], file.get("name"), file.get("content", {}).get("sha256")]
        files.setdefault(file.get("for_id"), []).append(named)
    messages = (each for each in thread["steps"] if each.get("type") in KINDS)
    steps = {each["id"]: each for each in messages if marks(each).get("type", "aside") in KINDS}
    before = sha(b"threadkeep chain 1\n", thread["id"].encode())
    for number, link in enumerate(chain["links"], 1):
        digest, of, at = bytes.fromhex(link.get("digest", "")), link.get("of", 0), f"link {number} of {link['at']}"
        if sha(before, f"{number} {link['kind']} {of} {link['at']}\n".encode(), digest).hex() != link["hash"]:
            yield f"{at}: it was changed, or one before it was removed"
        if of and not gone.pop(of, None):
            yield f"{at}: it replaces no link"
        before, step = bytes.fromhex(link["hash"]), steps.pop(link.get("step"), None)
        if not step and link["kind"] != "deleted":
            gone[number] = f"{at}: the message was removed"
        salted = bytes.fromhex(link.get("salt", "")) + (said(step, files.get(step["id"], [])) if step else b"")
        if step and digest != (b"" if (step.get("status"), link["kind"]) == ("streaming", "begun") else sha(salted)):
            yield f"{at}: the message was changed"
    yield from [*gone.values(), *(f"message {key} has no link" for key in steps)]
    if chain["links"] and (len(chain["links"]), before.hex()) != (chain["length"], chain["hash"]):
        yield "the chain was cut at its end"
    signed = f"threadkeep chain 1\n{thread['id']}\n{len(chain['links'])}\n{before.hex()}\n{chain.get('signed_at')}"
    try:
        _ = key and chain["links"] and key.verify(bytes.fromhex(chain["signature"]), signed.encode())
    except Exception:
        yield "it is not signed with this key"


def threads(path):
    """Ends with what is wrong with the file itself."""
    packed = zipfile.ZipFile(path) if zipfile.is_zipfile(path) else None
    name = next((name for name in packed.namelist() if name.endswith(".json")), None) if packed else path
    if name is None:
        return "there is no JSON in the ZIP"
    lines = io.TextIOWrapper(packed.open(name) if packed else open(path, "rb"), "utf-8", "surrogateescape")
    head, line = lines.readline(), ""
    if not (head.startswith('{"format":"threadkeep.threads"') and head.endswith("[\n")):
        return "it is no JSON export, or was cut off or reformatted: its lines must be as they were"
    for line in lines:
        if line.startswith('{"id":'):
            try:
                yield json.loads(line.rstrip(",\n"))
            except ValueError:
                return "a line was changed, or the file was cut off"
    return None if line.strip() == "]}" else "the file was cut off"


def told(path, key):
    count, wrong, found = 0, 0, threads(path)
    while True:
        try:
            thread = next(found)
        except StopIteration as end:
            return count, wrong, end.value
        except (OSError, ValueError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            return count, wrong, f"it cannot be read: {error}"
        count, name = count + 1, thread.get("id")
        try:
            for problem in problems(thread, key):
                wrong += 1
                print(f"conversation {name}, {problem}")
        except (LookupError, TypeError, ValueError, AttributeError):
            wrong += 1
            print(f"conversation {name}, it is not as an export has it")


sys.stdout.reconfigure(errors="backslashreplace")
if len(sys.argv) not in (2, 3):
    sys.exit(__doc__)
public = None
if len(sys.argv) > 2:
    try:
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        public = load_pem_public_key(open(sys.argv[2], "rb").read())
    except (ImportError, OSError, ValueError) as error:
        sys.exit(f"{sys.argv[2]} cannot be used as a key: {error}")
count, wrong, end = told(sys.argv[1], public)
print(f"conversations: {count}, problems: {wrong}" + (f"; {end}" if end else ""))
sys.exit(1 if wrong or end else 0)
