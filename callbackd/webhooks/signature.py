"""The signature by which a receiver knows that a delivery is ours, unchanged and new."""

from __future__ import annotations

import hashlib
import hmac

TIMESTAMP = "Callbackd-Timestamp"
SIGNATURE = "Callbackd-Signature"
EVENT_ID = "Callbackd-Event-Id"


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """``v1=`` and, in hex, the HMAC-SHA256 of timestamp, full stop and body, keyed with the secret in UTF-8."""
    return "v1=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
