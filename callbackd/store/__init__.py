"""Where call-backs are kept: the interface, SQLite, and an in-memory twin."""
