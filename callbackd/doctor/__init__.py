"""Examines a live PBX and this machine with the configuration: what is well, what is not, and the mend."""
