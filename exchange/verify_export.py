"""Verifies a JSON export of Threadkeep's, or its ZIP, with Python 3.10 alone: python verify_export.py EXPORT"""

import hashlib, io, json, sys, zipfile

KINDS = ("user_message", "assistant_message", "aside", "versions")
FIELDS = ("id", "type", "parent_id", "name", "input", "output", "created_at")
encode = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode


def problems(thread):
    chain, files, said = thread.get("chain", {"links": []}), {}, {}
    for f in sorted(thread["elements"], key=lambda f: f["id"]):
        files.setdefault(f.get("for_id"), []).append([f["id"], f.get("name"), f.get("content", {}).get("sha256")])
    for step in thread["steps"]:
        mark = step.get("metadata", {}).get(step["type"], {}) if step.get("type") in KINDS[2:] else {}
        if step.get("type") in KINDS and mark.get("type", "aside") in KINDS:
            row = [*map(step.get, FIELDS), files.get(step["id"], []), mark]
            said[step["id"]] = b"" if step.get("status") == "streaming" else encode(row).encode()
    before = hashlib.sha256(b"threadkeep chain 1\n" + thread["id"].encode()).digest()
    replaced = {link.get("of") for link in chain["links"]}
    for number, link in enumerate(chain["links"], 1):
        at, digest = f"link {number} of {link['at']}", bytes.fromhex(link.get("digest", ""))
        own = f"{number} {link['kind']} {link.get('of', 0)} {link['at']}\n".encode() + digest
        if hashlib.sha256(before + own).hexdigest() != link["hash"]:
            yield f"{at}: it was changed, or one before it was removed"
        before, row = bytes.fromhex(link["hash"]), said.pop(link.get("step"), None)
        if row is None and link["kind"] != "deleted" and number not in replaced:
            yield f"{at}: the message was removed"
        elif row is not None and digest != (row and hashlib.sha256(bytes.fromhex(link["salt"]) + row).digest()):
            yield f"{at}: the message was changed"
    yield from (f"message {step} has no link" for step in said)
    if chain["links"] and (len(chain["links"]), before.hex()) != (chain["length"], chain["hash"]):
        yield "the chain was cut at its end"


if __name__ == "__main__":
    count, found, path, line, end = 0, [], sys.argv[1], "", "; it is no JSON export, or was cut off or reformatted"
    try:
        file = zipfile.ZipFile(path).open("threads.json") if zipfile.is_zipfile(path) else open(path, "rb")
        for line in io.TextIOWrapper(file, "utf-8", "surrogateescape"):
            if line.startswith('{"id":'):
                thread = json.loads(line.rstrip(",\n"))
                found += [f"conversation {thread['id']}, {problem}" for problem in problems(thread)]
                count += 1
        end = "" if line.strip() == "]}" else end
    except Exception as error:
        end = f"; after conversation {count} it cannot be read, or was cut off: {error!r}"
    print(*found, f"conversations: {count}, problems: {len(found) + bool(end)}{end}", sep="\n")
    sys.exit(1 if found or end else 0)
