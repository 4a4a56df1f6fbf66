"""All that Chainlit shows a person, and all that a person does there."""
