"""The header User-Agent in words: which browser it was, on which system."""

from assistant.texts import Language, say

# In this order: each browser also claims to be those after it.
_BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
_SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "CrOS": "ChromeOS",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}


def in_words(agent: str, to: Language) -> str:
    """``Firefox on Windows``; the beginning of what it says when that is no browser's."""
    browser = next((name for mark, name in _BROWSERS.items() if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS.items() if mark in agent), "")
    if browser and system:
        return say("account_browser", to, browser=browser, system=system)
    return browser or agent[:40].strip() or say("account_no_browser", to)
