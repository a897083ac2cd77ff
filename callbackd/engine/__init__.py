"""Makes the rules happen: the only place where time, phones and the store meet."""
