"""The demonstration: a small company with agents, clients and a callbackd, played over real SIP while you watch.

`scripts/demo` starts it. The phones judge: what is told as their doing is what they saw and heard, not what the daemon
says of them.
"""
