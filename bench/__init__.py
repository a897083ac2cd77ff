"""What callbackd takes and how soon it acts, measured beside Asterisk's own means on the same machine in one run."""
