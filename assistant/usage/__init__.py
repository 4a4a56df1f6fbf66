"""What calls of models have used and cost, and who is told of it."""
