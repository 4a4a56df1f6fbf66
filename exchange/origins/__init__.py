"""What other products export, one file a product: docs/exchange.md."""
