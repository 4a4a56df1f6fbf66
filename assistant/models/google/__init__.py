"""Google's models, by either of its SDKs."""
