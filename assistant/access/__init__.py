"""Who may come in, and for how long: the way in, the sessions that it begins, the devices that have been here."""
