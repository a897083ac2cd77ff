"""How calls go on the simulated Asterisk: what is answered, what is told in which order, and what the phones see."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulation.asterisk.pbx import Unsimulated
from simulation.asterisk.phones import (
    ABSENT,
    BUSY,
    CAUSES,
    LOCAL_BUSY,
    NO_ANSWER,
    REJECTED,
    Behaviour,
    Press,
    Side,
    Signal,
    answers,
    refuses,
    sip,
)
from tests.simulation.asterisk_house import APP, CLIENT, QUEUE, House

LOCAL_CLIENT = "Local/+14165550123@callbackd-clients/n"


@pytest.fixture
def house() -> House:
    """With somebody who listens."""
    house = House()
    house.connect()
    return house


def test_an_agent_answers_and_is_hung_up(house: House) -> None:
    assert house.originate(callerId='"Jane" <+14165550123>').status == 200
    house.run(3.0)
    assert house.told("leg-a") == [
        "Dial",
        "ChannelStateChange Ringing",
        "Dial RINGING",
        "ChannelStateChange Up",
        "Dial ANSWER",
        "StasisStart",
    ]
    assert house.ask("DELETE", "/channels/leg-a").status == 204
    assert house.ask("GET", "/channels/leg-a").status == 200
    house.run(0.1)
    assert house.told("leg-a")[6:] == ["ChannelHangupRequest", "StasisEnd", "ChannelDestroyed"]
    assert house.last("ChannelHangupRequest")["cause"] == 32
    assert house.last("ChannelDestroyed")["cause"] == 16
    assert house.ask("DELETE", "/channels/leg-a").status == 404
    call = house.call
    assert (call.caller_name, call.caller_number, call.leg) == ("Jane", "+14165550123", "leg-a")
    assert call.rang_at is not None
    assert call.answered_at is not None
    assert call.rung_at < call.rang_at < call.answered_at
    assert call.ended_by is Side.ASTERISK
    whats = [entry.what for entry in house.asterisk.record]
    assert whats == ["rung", "rings", "answered", "ended"]


@pytest.mark.parametrize("status", sorted(CAUSES))
def test_a_client_who_refuses(house: House, status: int) -> None:
    house.client = refuses(sip(status))
    house.create()
    assert house.dial().status == 204
    house.run(1.0)
    assert house.told("leg-c") == ["StasisStart", "Dial", "ChannelHangupRequest", "StasisEnd", "ChannelDestroyed"]
    assert house.last("ChannelDestroyed")["tech_cause"] == status
    assert house.last("ChannelDestroyed")["cause"] == CAUSES[status]
    assert house.call.ended_by is Side.PHONE


def test_an_old_release_tells_no_sip_response() -> None:
    house = House(old=True)
    house.connect()
    house.client = refuses(REJECTED)
    house.create()
    house.dial()
    house.run(1.0)
    assert "tech_cause" not in house.last("ChannelDestroyed")
    house.client = NO_ANSWER
    house.create()
    house.dial(timeout=1)
    house.run(2.0)
    assert house.last("ChannelDestroyed")["cause"] in (0, 16)


def test_our_own_time_out(house: House) -> None:
    house.client = NO_ANSWER
    house.create()
    house.dial(timeout=5)
    house.run(4.9)
    assert "ChannelDestroyed" not in house.told()
    house.run(0.3)
    end = house.last("ChannelDestroyed")
    assert (end["cause"], end["tech_cause"]) == (19, 480)
    assert house.call.ended_by is Side.ASTERISK


def test_early_media_is_told_as_progress(house: House) -> None:
    house.client = refuses(ABSENT, 3.0, Signal.PROGRESS)
    house.create()
    house.dial()
    house.run(4.0)
    assert house.told("leg-c")[:4] == ["StasisStart", "Dial", "Dial PROGRESS", "Dial PROGRESS"]
    assert house.call.progress_at is not None


def test_a_created_channel_is_not_in_stasis_at_once(house: House) -> None:
    house.ask("POST", "/bridges", type="mixing", bridgeId="b")
    assert house.ask("POST", "/channels/create", endpoint=CLIENT, app=APP, channelId="leg-c").status == 200
    assert house.dial().status == 409
    found = house.ask("POST", "/bridges/b/addChannel", channel=["leg-c"])
    assert (found.status, found.body) == (422, {"message": "Channel not in Stasis application"})
    house.run(0.2)
    assert house.ask("POST", "/bridges/b/addChannel", channel=["leg-c"]).status == 204
    assert house.dial().status == 204
    assert house.dial().status == 409


def test_ids_conflict_as_beginnings_of_others_in_any_case(house: House) -> None:
    house.agent = NO_ANSWER
    assert house.originate("call-10").status == 200
    assert house.originate("call-1").status == 409
    assert house.originate("CALL-1").status == 409
    assert house.originate("call-100").status == 200


def test_who_cannot_be_rung(house: House) -> None:
    house.phones[0].registered = False
    house.trunk.up = False
    for endpoint in ("PJSIP/1001", "PJSIP/nobody", CLIENT, "PJSIP/1@nowhere"):
        assert house.originate(endpoint=endpoint).body == {"error": "Allocation failed"}
    house.run(1.0)
    assert not house.events
    assert not house.asterisk.calls
    house.trunk.up = True
    house.create(endpoint="PJSIP/+14165550999@trunk")
    house.dial()
    house.run(1.0)
    assert house.last("ChannelDestroyed")["tech_cause"] == 404


def test_a_vanished_phone_says_nothing_more(house: House) -> None:
    house.agent = replace(answers(1.0, Press("1", 3.0), hang_up_after=5.0), vanish_after=2.0)
    house.originate()
    house.run(60.0)
    assert house.told("leg-a")[-1] == "StasisStart"
    assert not house.call.pressed
    house.play("leg-a", "p", "sound:beep")
    house.run(1.0)
    assert not house.call.heard
    house.ask("DELETE", "/channels/leg-a")
    house.run(1.0)
    assert house.call.ended_by is Side.ASTERISK


def test_a_phone_that_hangs_up(house: House) -> None:
    house.agent = answers(1.0, hang_up_after=2.0)
    house.originate()
    house.run(5.0)
    assert house.told("leg-a")[6:] == ["ChannelHangupRequest", "StasisEnd", "ChannelDestroyed"]
    assert house.call.ended_by is Side.PHONE
    assert not house.phones[0].busy


def test_an_improvising_phone(house: House) -> None:
    house.agent = NO_ANSWER
    house.originate()
    house.run(3.0)
    house.call.answer()
    house.run(1.0)
    house.call.press("5")
    house.run(1.0)
    assert house.last("ChannelDtmfReceived")["digit"] == "5"
    house.call.hang_up()
    house.call.press("6")
    house.run(1.0)
    assert house.told()[-1] == "ChannelDestroyed"


def test_keys_follow_what_is_heard(house: House) -> None:
    presses = (Press("1", 0.2, playback=2), Press("9", 0.1, media="choices"), Press("#", 0.1, media="goodbye"))
    house.agent = answers(1.0, *presses)
    house.originate()
    house.run(2.0)
    house.play("leg-a", "p-1", "sound:callbackd/agent-intro", "digits:12", "sound:callbackd/agent-choices")
    house.run(20.0)
    intro, digits, choices = house.call.heard
    assert intro.until == digits.at
    assert digits.until == choices.at
    assert [digit for _, digit in house.call.pressed] == ["1", "9"]
    assert house.call.pressed[0][0] == pytest.approx(digits.at + 0.2)
    assert house.call.pressed[1][0] == pytest.approx(choices.at + 0.1)


def test_two_in_a_bridge(house: House) -> None:
    house.ask("POST", "/bridges", type="mixing,dtmf_events", bridgeId="b")
    house.agent = answers(1.0)
    house.originate()
    house.run(2.0)
    house.ask("POST", "/bridges/b/addChannel", channel=["leg-a"])
    house.client = answers(2.0, Press("7", 1.0), hang_up_after=10.0)
    house.create()
    house.ask("POST", "/bridges/b/addChannel", channel=["leg-c"])
    house.dial()
    house.run(30.0)
    agent, client = house.asterisk.calls
    assert [(talk.leg, talk.until is None) for talk in agent.talked] == [("leg-c", False)]
    assert [talk.leg for talk in client.talked] == ["leg-a"]
    assert client.talked[0].at - (client.answered_at or 0) < 0.05
    assert house.told("leg-c")[-4:] == [
        "ChannelHangupRequest",
        "ChannelLeftBridge",
        "StasisEnd",
        "ChannelDestroyed",
    ]
    assert "ChannelDtmfReceived" in house.told("leg-c")
    assert agent.up
    house.forget()
    assert house.ask("DELETE", "/bridges/b").status == 204
    house.run(0.1)
    assert house.told() == ["ChannelLeftBridge", "BridgeDestroyed"]
    assert agent.up
    assert house.ask("DELETE", "/bridges/b").status == 404


def test_a_bridge_that_was_not_asked_for_digits_tells_none(house: House) -> None:
    house.agent = answers(1.0, Press("1", 1.0))
    house.ask("POST", "/bridges", type="mixing", bridgeId="b")
    house.originate()
    house.run(1.5)
    house.ask("POST", "/bridges/b/addChannel", channel=["leg-a"])
    house.run(2.0)
    assert house.call.pressed
    assert "ChannelDtmfReceived" not in house.told()


def test_a_busy_local_channel_lingers(house: House) -> None:
    house.client = refuses(LOCAL_BUSY)
    house.create(endpoint=LOCAL_CLIENT)
    house.dial()
    house.run(2.0)
    assert house.told("leg-c")[-1] == "Dial BUSY"
    assert house.ask("DELETE", "/channels/leg-c", {"reason_code": "17"}).status == 204
    house.run(0.1)
    assert house.last("ChannelDestroyed")["cause"] == 17


def test_a_local_channel_hands_on_the_cause_only(house: House) -> None:
    house.client = refuses(sip(404))
    house.create(endpoint=LOCAL_CLIENT)
    house.dial()
    house.run(2.0)
    assert house.last("ChannelDestroyed")["cause"] == 1
    assert "tech_cause" not in house.last("ChannelDestroyed")


def test_a_queue_rings_all_and_one_answers(house: House) -> None:
    house.agent = answers(2.0, Press("1", 1.0))
    house.directory.phones["1004"].owner = lambda _call: NO_ANSWER
    house.originate("leg-q", QUEUE)
    house.run(5.0)
    first, second = sorted(house.asterisk.calls, key=lambda call: call.number)
    assert first.up
    assert (first.leg, second.leg) == ("leg-q", "leg-q")
    assert second.ended_by is Side.ASTERISK
    assert second.cause == 26
    assert "StasisStart" in house.told("leg-q")
    assert house.last("ChannelDtmfReceived")["digit"] == "1"
    house.ask("DELETE", "/channels/leg-q")
    house.run(1.0)
    assert first.ended_by is Side.ASTERISK
    assert not house.asterisk.channels


def test_a_queue_rings_again_those_who_refuse(house: House) -> None:
    house.agent = refuses(BUSY)
    house.originate("leg-q", QUEUE, timeout=5)
    house.run(10.0)
    assert len(house.asterisk.calls) > 4
    assert house.last("ChannelDestroyed")["cause"] == 19
    assert not house.asterisk.channels


def test_a_queue_that_turns_away(house: House) -> None:
    house.queue.join_empty = False
    for phone in house.phones:
        house.asterisk.pause("support", phone)
    house.originate("leg-q", QUEUE)
    house.run(1.0)
    ends = [event for event in house.events if event["type"] == "ChannelDestroyed"]
    assert [(event["channel"]["id"], event["cause"]) for event in ends] == [("leg-q;2", 20), ("leg-q", 20)]
    assert not house.asterisk.calls


def test_what_a_queue_says_of_itself(house: House) -> None:
    house.ask("POST", f"/applications/{APP}/subscription", eventSource="deviceState:Queue:support_avail")
    path = "/deviceStates/Queue%3Asupport_avail"
    assert house.ask("GET", path).body == {"name": "Queue:support_avail", "state": "INUSE"}
    house.asterisk.pause("support", house.phones[1])
    assert house.last("DeviceStateChanged")["device_state"]["state"] == "NOT_INUSE"
    house.asterisk.pause("support", house.phones[2])
    assert house.last("DeviceStateChanged")["device_state"]["state"] == "INUSE"
    house.asterisk.pause("support", house.phones[2], paused=False)
    assert house.ask("GET", path).body == {"name": "Queue:support_avail", "state": "NOT_INUSE"}
    house.originate(endpoint="PJSIP/1004")
    house.run(0.5)
    assert house.last("DeviceStateChanged")["device_state"]["state"] == "INUSE"
    house.create("asker", "Local/s@callbackd-agents")
    found = house.ask("GET", "/channels/asker/variable", {"variable": "QUEUE_MEMBER(support,ready)"})
    assert found.body == {"value": "0"}


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/channels/leg-a/mute"), ("GET", "/recordings/live"), ("PATCH", "/channels"), ("GET", "/endpoints")],
)
def test_what_is_not_simulated_is_refused_loudly(house: House, method: str, path: str) -> None:
    with pytest.raises(Unsimulated, match=path):
        house.ask(method, path)


def test_the_same_seed_is_the_same_story() -> None:
    def story(seed: int) -> list[str]:
        house = House(seed)
        house.connect()
        house.agent = Behaviour(answer_after=1.0, presses=(Press("123", 1.0),))
        for number in range(20):
            house.originate(f"leg-{number:02d}")
            house.create(f"cli-{number:02d}", LOCAL_CLIENT)
            house.dial(f"cli-{number:02d}")
            house.run(0.3)
        house.run(30.0)
        return [f"{event['timestamp']} {event}" for event in house.events]

    assert story(3) == story(3)
    assert story(3) != story(4)
