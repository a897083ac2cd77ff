"""callbackd: a call-back engine for Asterisk. Rings an agent first, then the client, and reschedules what fails."""

__version__ = "0.1.0"
