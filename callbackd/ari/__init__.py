"""Asterisk's REST Interface: transport, client, supervisor, and the translation to and from the domain."""
