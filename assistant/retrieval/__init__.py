"""A conversation's own files: what they say, cut into passages that can be found and cited."""
