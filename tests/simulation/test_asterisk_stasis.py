"""Who listens, what is played, callers in the menu, and what a restart leaves, on the simulated Asterisk."""

from __future__ import annotations

import pytest

from callbackd.ari.client import UNWANTED_EVENTS
from simulation.asterisk.phones import NO_ANSWER, Behaviour, Press, Side, answers
from tests.simulation.asterisk_house import APP, CLIENT, House

APPLICATION = f"/applications/{APP}"


@pytest.fixture
def house() -> House:
    """With somebody who listens."""
    house = House()
    house.connect()
    return house


def listening(house: House) -> str:
    """An agent who is up and hears."""
    house.originate()
    house.run(3.0)
    house.forget()
    return "leg-a"


def test_nothing_is_hung_up_when_the_websocket_goes(house: House) -> None:
    listening(house)
    house.session.close()
    house.run(100.0)
    assert house.call.up
    assert house.ask("GET", "/channels/leg-a").status == 200
    assert house.play("leg-a", "p", "sound:beep").status == 201
    house.run(5.0)
    assert not house.events
    assert house.ask("DELETE", "/channels/leg-a").status == 204


def test_a_phone_rung_for_nobody_is_answered_and_dropped(house: House) -> None:
    house.session.close()
    assert house.originate().status == 200
    house.run(5.0)
    assert house.call.answered_at is not None
    assert not house.call.controlled
    assert house.call.ended_by is Side.ASTERISK
    assert house.call.ended_at is not None
    assert house.call.ended_at - house.call.answered_at < 0.1


def test_an_application_lives_while_somebody_listens_or_a_channel_is_its_own(house: House) -> None:
    house.session.close()
    assert house.ask("GET", APPLICATION).status == 404
    house.connect()
    listening(house)
    house.session.close()
    found = house.ask("GET", APPLICATION).body
    assert isinstance(found, dict)
    assert {each["type"] for each in found["events_disallowed"]} == set(UNWANTED_EVENTS)
    assert house.ask("POST", "/events/user/x", {"application": APP}, variables={}).status == 204
    house.ask("DELETE", "/channels/leg-a")
    house.run(1.0)
    assert house.ask("GET", APPLICATION).status == 404
    assert house.ask("POST", "/events/user/x", {"application": APP}, variables={}).status == 404


def test_what_a_new_websocket_finds(house: House) -> None:
    house.ask("POST", f"{APPLICATION}/subscription", eventSource="deviceState:Queue:support_avail")
    house.session.close()
    house.asterisk.connect(APP, house.events.append, house.closed.append)
    found = house.ask("GET", APPLICATION).body
    assert isinstance(found, dict)
    assert found["events_disallowed"] == []
    assert found["device_names"] == ["Queue:support_avail"]


def test_a_second_websocket_replaces_the_first(house: House) -> None:
    second: list[object] = []
    house.asterisk.connect(APP, second.append, house.closed.append)
    assert house.told() == ["ApplicationReplaced"]
    house.ask("POST", "/events/user/x", {"application": APP}, variables={"a": "b"})
    assert house.told() == ["ApplicationReplaced"]
    assert len(second) == 1
    house.session.close()
    assert house.ask("GET", APPLICATION).status == 200


def test_a_user_event_comes_back(house: House) -> None:
    house.ask("POST", "/events/user/proof", {"application": APP}, variables={"nonce": "1"})
    event = house.last("ChannelUserevent")
    assert (event["eventname"], event["userevent"]["nonce"]) == ("proof", "1")


def test_playing_and_stopping(house: House) -> None:
    leg = listening(house)
    house.play(leg, "p-1", "tone:ring")
    house.play(leg, "p-2", "sound:beep", "sound:digits/1")
    house.run(600.0)
    assert house.told() == ["PlaybackStarted"]
    assert house.ask("DELETE", "/playbacks/p-1").status == 204
    house.run(10.0)
    assert house.told()[1:] == [
        "PlaybackFinished done",
        "PlaybackStarted",
        "PlaybackContinuing",
        "PlaybackStarted",
        "PlaybackFinished done",
    ]
    assert house.ask("DELETE", "/playbacks/p-1").status == 404
    assert [heard.media for heard in house.call.heard] == ["tone:ring", "sound:beep", "sound:digits/1"]


def test_spoken_digits_cannot_be_stopped(house: House) -> None:
    leg = listening(house)
    house.play(leg, "p-1", "digits:123")
    house.run(0.1)
    assert house.ask("DELETE", "/playbacks/p-1").status == 500
    house.run(5.0)
    assert house.told() == ["PlaybackStarted", "PlaybackFinished done"]


def test_a_sound_stops_with_its_whole_list_and_a_tone_alone(house: House) -> None:
    leg = listening(house)
    house.play(leg, "p-1", "sound:long-words", "sound:beep")
    house.run(0.1)
    house.ask("DELETE", "/playbacks/p-1")
    house.run(5.0)
    assert house.told() == ["PlaybackStarted", "PlaybackFinished done"]
    house.forget()
    house.play(leg, "p-2", "tone:ring", "sound:beep")
    house.run(0.1)
    house.ask("DELETE", "/playbacks/p-2")
    house.run(5.0)
    assert house.told() == ["PlaybackStarted", "PlaybackContinuing", "PlaybackStarted", "PlaybackFinished done"]


def test_a_missing_sound_and_one_cut_off_have_failed(house: House) -> None:
    leg = listening(house)
    house.asterisk.miss_sounds("callbackd/agent-intro")
    house.play(leg, "p-1", "sound:callbackd/agent-intro")
    house.run(1.0)
    assert house.told() == ["PlaybackStarted", "PlaybackFinished failed"]
    house.forget()
    house.play(leg, "p-2", "tone:ring")
    house.play(leg, "p-3", "sound:beep")
    house.run(0.1)
    house.ask("DELETE", "/channels/leg-a")
    house.run(0.1)
    assert house.told() == [
        "PlaybackStarted",
        "ChannelHangupRequest",
        "PlaybackFinished failed",
        "PlaybackStarted",
        "PlaybackFinished failed",
        "StasisEnd",
        "ChannelDestroyed",
    ]
    assert house.play(leg, "p-4", "sound:beep").status == 404


def test_a_channel_that_plays_enters_a_bridge_when_that_is_over(house: House) -> None:
    leg = listening(house)
    house.ask("POST", "/bridges", type="mixing", bridgeId="b")
    house.play(leg, "p-1", "sound:beep")
    house.run(0.1)
    answer = house.ask_later("POST", "/bridges/b/addChannel", channel=[leg])
    house.run(0.1)
    assert not answer
    house.run(1.0)
    assert [each.status for each in answer] == [204]
    assert "ChannelEnteredBridge" in house.told()


def test_a_caller_who_gets_a_call_back(house: House) -> None:
    house.client = Behaviour(presses=(Press("1", 1.0),))
    call = house.asterisk.incoming(house.client_phone, "support", name="Jane", answered=False)
    house.run(0.1)
    start = house.last("StasisStart")
    assert start["args"] == ["intake", "support"]
    assert start["channel"]["caller"] == {"name": "Jane", "number": "+14165550123"}
    assert start["channel"]["dialplan"]["app_data"] == f"{APP},intake,support"
    leg = f"/channels/{call.leg}"
    assert house.ask("POST", f"{leg}/answer").status == 204
    assert call.up
    house.run(2.0)
    assert house.last("ChannelDtmfReceived")["digit"] == "1"
    assert house.ask("POST", f"{leg}/variable", variable="CALLBACKD_STATUS", value="ACCEPTED").status == 204
    assert house.ask("POST", f"{leg}/continue").status == 204
    house.run(1.0)
    assert house.told()[-1] == "StasisEnd"
    assert call.status_on_leaving == "ACCEPTED"
    assert call.ended_at is not None


def test_a_caller_handed_back_waits_in_the_queue(house: House) -> None:
    house.client = Behaviour()
    call = house.asterisk.incoming(house.client_phone, "support")
    house.run(0.1)
    house.ask("POST", f"/channels/{call.leg}/continue")
    house.run(10.0)
    assert call.continued_at is not None
    assert call.up
    assert house.ask("POST", f"/channels/{call.leg}/continue").status == 409
    assert house.ask("POST", f"/channels/{call.leg}/play", media=["sound:beep"], playbackId="p").status == 409
    house.run(100.0)
    assert not call.up
    assert "ChannelDestroyed" not in house.told()


def test_a_caller_whom_nobody_takes_goes_on_at_once() -> None:
    house = House()
    call = house.asterisk.incoming(house.client_phone, "support")
    house.run(0.1)
    assert call.continued_at is not None
    assert call.status_on_leaving == ""
    assert call.up


def test_a_caller_who_hangs_up(house: House) -> None:
    house.client = Behaviour(hang_up_after=1.0)
    call = house.asterisk.incoming(house.client_phone, "support")
    house.run(2.0)
    assert house.told(call.leg) == ["StasisStart", "ChannelHangupRequest", "StasisEnd"]
    assert not house.asterisk.channels


def test_a_restart_leaves_nothing(house: House) -> None:
    listening(house)
    house.client = NO_ANSWER
    house.create()
    house.dial()
    house.run(1.0)
    house.ask("POST", "/bridges", type="mixing", bridgeId="b")
    house.ask("POST", "/bridges/b/addChannel", channel=["leg-a"])
    began = house.asterisk.started_at
    house.forget()
    house.asterisk.restart(5.0, registered_after=10.0)
    assert house.asterisk.down
    assert house.closed
    assert not house.asterisk.channels
    assert not house.asterisk.bridges
    assert all(call.ended_by is Side.ASTERISK for call in house.asterisk.calls)
    house.run(6.0)
    assert not house.asterisk.down
    assert not house.events
    assert house.asterisk.started_at != began
    assert house.ask("GET", APPLICATION).status == 404
    assert house.originate().status == 500
    house.run(10.0)
    house.connect()
    house.agent = answers(1.0)
    assert house.originate().status == 200
    house.run(3.0)
    assert house.told("leg-a")[-1] == "StasisStart"
    assert len(house.asterisk.calls) == 3


def test_a_stop_is_for_good(house: House) -> None:
    house.asterisk.restart(5.0)
    house.asterisk.stop()
    house.run(100.0)
    assert house.asterisk.down


def test_a_snoop_ends_with_what_it_listens_to(house: House) -> None:
    listening(house)
    assert house.ask("POST", "/channels/leg-a/snoop", spy="in", app=APP, snoopId="leg-s", appArgs="amd").status == 200
    house.run(0.2)
    assert house.told("leg-s") == ["StasisStart"]
    house.ask("DELETE", "/channels/leg-a")
    house.run(0.2)
    assert house.told("leg-s")[-1] == "ChannelDestroyed"


def test_who_is_created_after_the_websocket_went_is_dropped(house: House) -> None:
    house.session.close()
    house.create(endpoint=CLIENT)
    house.run(1.0)
    assert house.ask("GET", "/channels/leg-c").status == 404
    assert not house.asterisk.calls
