"""What a Chainlit app calls, and the file routes on its server."""
