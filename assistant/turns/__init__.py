"""From a question to an answer, what it is asked with and what follows it. Nothing here knows Chainlit."""
