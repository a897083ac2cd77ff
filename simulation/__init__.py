"""callbackd's whole engine in virtual time, against an Asterisk, phones and a disk that are simulated and that fail.

Nothing in callbackd imports this package.
"""
