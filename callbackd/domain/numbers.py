"""Telephone numbers: how people write them, E.164, and which may be dialled."""
