"""A package, because Chainlit brings literalai, which installs one named "tests" that would hide this folder."""
