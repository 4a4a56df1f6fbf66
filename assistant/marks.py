"""The keys under which the metadata of a stored message says what it is."""

COMMAND = "command"
"""A command or its reply: the command's key. Neither is shown to a model, nor found as something that was said."""
