"""The card that agents have beside their telephone says what the keys do."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from callbackd.domain.profile import Keys

CARD = Path(__file__).resolve().parent.parent.parent / "docs/agent-card.svg"


def test_the_card_has_the_keys_that_are_the_default() -> None:
    texts = list(ElementTree.parse(CARD).iter("{http://www.w3.org/2000/svg}text"))  # noqa: S314  our own file
    keys = [text.text for text in texts if text.get("class") == "digit"]
    usual = Keys()
    assert keys == [usual.start, usual.decline, usual.again, usual.reschedule, usual.reschedule]
    assert all(text.text for text in texts)
