"""What an export and an import say, in both languages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import datalayer
import exchange
from exchange.origins.places import Place
from exchange.origins.reasons import Why, refusal
from exchange.texts import _TEXTS

ROOT = Path(exchange.__file__).parent
TREES = [ast.parse(path.read_text("utf-8")) for part in ("opened", "origins") for path in (ROOT / part).rglob("*.py")]
TREES += [
    ast.parse(path.read_text("utf-8")) for part in ("planting", "importing") for path in (ROOT / part).glob("*.py")
]
REASON, WHERE, REFUSAL = "why_", "at_", "refusal_"
FORMS = {to: {key: list(t.values()) if isinstance(t, dict) else [t] for key, t in _TEXTS[to].items()} for to in _TEXTS}


def gaps(texts: list[str]) -> set[str]:
    return set(re.findall(r"{(\w+)}", " ".join(texts)))


def calls(*names: str) -> Iterator[ast.Call]:
    for tree in TREES:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", None)) in names:
                yield node


def reasons() -> dict[str, set[str]]:
    """The keys of all that are given, with the names of their values."""
    found: dict[str, set[str]] = {}
    for call in calls("Why"):
        named = {each.arg or "" for each in call.keywords}
        options = [call.args[0].body, call.args[0].orelse] if isinstance(call.args[0], ast.IfExp) else [call.args[0]]
        for option in options:
            assert isinstance(option, ast.Constant), ast.dump(call)
            assert found.setdefault(option.value, named) == named, option.value
    return found


def test_both_languages_have_the_same_sentences_with_the_same_gaps() -> None:
    assert FORMS["en"].keys() == FORMS["fr"].keys()
    assert {key: gaps(texts) for key, texts in FORMS["en"].items() if not _is_plural(key)} == {
        key: gaps(texts) for key, texts in FORMS["fr"].items() if not _is_plural(key)
    }
    for to in ("en", "fr"):
        assert {key for key in FORMS[to] if _is_plural(key)} == {
            key for key, text in _TEXTS[to].items() if isinstance(text, dict) and text.keys() == {"one", "other"}
        }


def _is_plural(key: str) -> bool:
    return isinstance(_TEXTS["en"][key], dict)


def test_each_reason_that_is_given_has_a_text_with_its_values_and_each_text_is_given() -> None:
    given = reasons()
    assert {f"{REASON}{key}" for key in given} == {key for key in _TEXTS["en"] if key.startswith(REASON)}
    for key, named in given.items():
        for to in ("en", "fr"):
            assert gaps(FORMS[to][f"{REASON}{key}"]) <= named, key
        assert gaps(FORMS["en"][f"{REASON}{key}"]) | gaps(FORMS["fr"][f"{REASON}{key}"]) == named, key


def test_each_place_has_a_text_and_each_text_is_a_place() -> None:
    given = {f"{WHERE}{each.arg}" for call in calls("at", "_tell") for each in call.keywords if each.arg}
    assert given == {key for key in _TEXTS["en"] if key.startswith(WHERE)}


def test_all_other_sentences_are_said() -> None:
    sources = "".join(path.read_text("utf-8") for path in ROOT.rglob("*.py"))
    others = [key for key in _TEXTS["en"] if not key.startswith((REASON, WHERE, REFUSAL))]
    assert [key for key in others if f'"{key}"' not in sources] == []


def test_the_french_is_set_as_french_is() -> None:
    for key, texts in FORMS["fr"].items():
        for text in texts:
            assert not re.search(r"[ \w}][:;?!»](?:\s|$)", text), key
            assert not re.search(r"« |\w'\w", text), key


def test_what_the_data_layer_refuses_in_an_import_is_told_in_french() -> None:
    floor, said = Path(datalayer.__file__).parent, list[str]()
    for name in ("text.py", "sql/values.py", "sql/imported_rows.py"):
        for node in ast.walk(ast.parse(floor.joinpath(name).read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "InvalidInput":
                parts = getattr(node.args[0], "values", [node.args[0]])
                said.append("".join(each.value if isinstance(each, ast.Constant) else "7" for each in parts))
    assert len(said) >= 20
    for sentence in said:
        known = refusal(sentence)
        assert isinstance(known, Why), sentence
        assert (str(known), known.told("fr") != sentence) == (sentence, True)
    told = Why("refused", error=refusal("name: at most 500 characters")).told("fr")
    assert told == "l’enregistrement est refusé («\u00a0name\u00a0: 500 caractères au plus\u00a0»)"
    assert refusal("something that nobody has told yet") == "something that nobody has told yet"


def test_no_two_reasons_say_the_same() -> None:
    for to in ("en", "fr"):
        said = [text for key, texts in FORMS[to].items() if key.startswith(REASON) for text in texts]
        assert len(said) == len(set(said))


def test_a_reason_and_a_place_are_told_in_both_languages() -> None:
    why = Why("left_out", why=Why("encrypted"))
    assert (why.told("en"), str(why)) == ("it is encrypted; it is left out",) * 2
    assert why.told("fr") == "le fichier est chiffré\u00a0; omis"
    assert why == Why("left_out", why=Why("encrypted")) != Why("left_out", why=Why("name_nul"))
    assert [Why("votes_astray", n=n).told("fr")[:7] for n in (0, 1, 2)] == ["0 vote ", "1 vote ", "2 votes"]
    assert Why("votes_astray", n=2).told("en") == "2 votes are on no messages that the export has"
    place = Place("a.json").at(item=3).titled("Birds " * 20)
    assert place.told("fr") == f"a.json, élément 3 ({('Birds ' * 20)[:80]})"
    assert str(Place().at(database="")) == "the database"
