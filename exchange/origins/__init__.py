"""What other products export, one file a product: docs/exchange.md."""

from .anythingllm import AnythingLLM
from .base import Origin
from .chainlit import ChainlitOfficial, ChainlitSQLAlchemy
from .chatgpt import ChatGPT
from .claude import Claude
from .gemini import Gemini
from .jsonl import Jsonl
from .langchain import LangChain
from .librechat import LibreChat
from .llm import Llm
from .markdown import Markdown
from .openai_agents import OpenAIAgents
from .openwebui import OpenWebUI
from .sessions import Sessions
from .threadkeep import Threadkeep

ORIGINS: tuple[Origin, ...] = (
    Threadkeep(),
    ChatGPT(),
    Claude(),
    OpenWebUI(),
    LibreChat(),
    Gemini(),
    AnythingLLM(),
    ChainlitSQLAlchemy(),
    ChainlitOfficial(),
    Llm(),
    LangChain(),
    OpenAIAgents(),
    Sessions(),
    Jsonl(),
    Markdown(),
)
"""In the order in which they are asked whether an export is theirs: those that are told least surely come last."""
