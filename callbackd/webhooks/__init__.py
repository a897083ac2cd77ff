"""Signed webhooks: events posted to the URLs of the configuration, each in its own time."""
