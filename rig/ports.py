"""Free ports for processes of the rig's own."""

from __future__ import annotations

import socket


def free_tcp_port() -> int:
    """A TCP port on loopback that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
