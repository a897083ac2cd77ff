"""What an Asterisk can do, by its own description and, without one, by its version."""

from __future__ import annotations

import pytest

from callbackd.ari.abilities import Abilities
from callbackd.ari.client import AriClient
from callbackd.ari.errors import Unreachable
from callbackd.ari.fake import FakeTransport
from callbackd.ari.transport import Json, Response

ADD_CHANNEL: Json = {
    "apis": [{"operations": [{"nickname": "addChannel", "parameters": [{"name": "inhibitConnectedLineUpdates"}]}]}]
}
DESTROYED: Json = {"models": {"ChannelDestroyed": {"properties": {"cause": {}, "tech_cause": {"type": "int"}}}}}


def _asterisk(version: str, bridges: Response, events: Response) -> FakeTransport:
    transport = FakeTransport()
    transport.on("GET", "/asterisk/info", Response(200, {"system": {"version": version}}))
    transport.on("GET", "/api-docs/bridges.json", bridges)
    transport.on("GET", "/api-docs/events.json", events)
    return transport


async def _of(transport: FakeTransport) -> Abilities:
    return await Abilities.of(AriClient(transport, "callbackd"))


async def test_a_new_one_describes_all_of_it() -> None:
    found = await _of(_asterisk("22.10.1", Response(200, ADD_CHANNEL), Response(200, DESTROYED)))
    assert found == Abilities("22.10.1", keeps_displays=True, tells_sip=True)
    assert not found.shortcomings


async def test_an_old_one_describes_none_of_it() -> None:
    nothing = Response(200, {"apis": [], "models": {}})
    found = await _of(_asterisk("16.28.0~dfsg-0+deb11u10", nothing, nothing))
    assert found == Abilities("16.28.0~dfsg-0+deb11u10", keeps_displays=False, tells_sip=False)
    [lack] = found.shortcomings
    assert "401" in lack.what
    assert "22.7" in lack.mend


async def test_a_word_in_a_description_is_not_an_ability() -> None:
    prose: Json = {"description": "see inhibitConnectedLineUpdates and tech_cause"}
    found = await _of(_asterisk("18.20.0", Response(200, prose), Response(200, prose)))
    assert (found.keeps_displays, found.tells_sip) == (False, False)


@pytest.mark.parametrize(
    ("version", "complete"),
    [
        ("16.28.0", False),
        ("22.6.9", False),
        ("22.7.0", True),
        ("23.1.0", True),
        ("certified-20.7-cert3", False),
        ("certified/18.9-cert1", False),
        ("GIT-master-a1b2c3", True),
    ],
)
async def test_without_descriptions_the_version_decides(version: str, complete: bool) -> None:
    missing = Response(404, {"message": "Resource not found"})
    found = await _of(_asterisk(version, missing, missing))
    assert (found.keeps_displays, found.tells_sip) == (complete, complete)


async def test_no_answer_is_not_taken_for_an_old_asterisk() -> None:
    transport = _asterisk("22.10.1", Response(200, ADD_CHANNEL), Response(200, DESTROYED))
    transport.fail_before("GET", "/api-docs/events.json")
    with pytest.raises(Unreachable):
        await _of(transport)
