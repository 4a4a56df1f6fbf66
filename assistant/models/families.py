"""The families of models, in the order in which they are asked who serves a name. To add one, see CONTRIBUTING.md."""

from . import anthropic, google, openai
from .family import Family

FAMILIES: tuple[Family, ...] = (google.FAMILY, anthropic.FAMILY, openai.FAMILY)
"""The models of the first are named where none is configured. The last one serves whatever name is nobody's own: any
server can speak OpenAI's protocol."""
