"""No tests: files of the formats that are read, made here."""
