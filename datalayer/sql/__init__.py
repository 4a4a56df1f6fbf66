"""SQL inside a transaction that the caller has begun."""
