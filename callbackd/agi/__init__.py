"""The FastAGI door: what a dialplan asks with ``AGI(agi://...)``, answered in channel variables."""
