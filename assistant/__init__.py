"""The chat application: what is said to whom, on top of the data layer."""
