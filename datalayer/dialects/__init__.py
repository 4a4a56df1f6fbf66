"""All in which databases differ, a module each."""
