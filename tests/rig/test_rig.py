"""The rig shows what it can, on the real thing."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from rig import audio
from rig import behaviours as phone
from rig.ari import Ari, AriError, Json
from rig.phones import PhoneCall
from rig.rig import Rig
from rig.sip_responder import REASONS

pytestmark = pytest.mark.pbx

NUMBERS = itertools.count(1)


class Judge:
    """A bare ARI application on the PBX: makes calls, writes down every event."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.seen: list[Json] = []
        self._news = asyncio.Event()

    def handle(self, event: Json) -> None:
        self.seen.append({**event, "seen_at": time.monotonic()})
        self._news.set()

    async def call(self, endpoint: str, **more: Any) -> str:
        name = f"judge-{next(NUMBERS):08d}"
        await self.do("POST", "/channels", endpoint=endpoint, app="judge", channelId=name, **more)
        return name

    async def do(self, method: str, path: str, **query: Any) -> Any:
        return await self.rig.pbx.ari.request(method, path, **query)

    def events(self, kind: str, **fields: Any) -> list[Json]:
        return [each for each in self.seen if each["type"] == kind and fields.items() <= flat(each).items()]

    async def event(self, kind: str, limit: float = 10.0, **fields: Any) -> Json:
        try:
            async with asyncio.timeout(limit):
                while not (found := self.events(kind, **fields)):
                    self._news.clear()
                    await self._news.wait()
                return found[0]
        except TimeoutError:
            seen = [each["type"] for each in self.seen]
            raise AssertionError(f"no {kind} {fields} within {limit} s, but {seen}") from None


def flat(event: Json) -> Json:
    return {**event, "id": (event.get("channel") or event.get("playback") or {}).get("id")}


@pytest_asyncio.fixture(loop_scope="session")
async def judge(rig: Rig) -> AsyncIterator[Judge]:
    judge = Judge(rig)
    listener = await rig.pbx.events("judge", judge.handle)
    yield judge
    await listener.close()


async def test_an_agent_is_rung_answers_and_presses_1(rig: Rig, judge: Judge) -> None:
    rig.phones.set("1001", phone.presses("1"))
    agent = await judge.call("PJSIP/1001", callerId='"Ada Lovelace" <+14165550123>')
    await judge.event("StasisStart", id=agent)
    assert (await judge.event("ChannelDtmfReceived", id=agent))["digit"] == "1"
    [call] = rig.phones.calls("1001")
    assert (call.caller_name, call.caller_number) == ("Ada Lovelace", "+14165550123")
    assert call.answered_at is not None
    await judge.do("DELETE", f"/channels/{agent}")
    await rig.no_channels_left()
    await call.ended()
    assert rig.phones.times_rung("1001") == 1


async def test_digits_from_the_pbx_reach_the_phone(rig: Rig, judge: Judge) -> None:
    rig.phones.set("+14165550123", phone.answers())
    client = await judge.call("PJSIP/+14165550123@trunk")
    await judge.event("StasisStart", id=client)
    await judge.do("POST", f"/channels/{client}/dtmf", dtmf="9*0#")
    await (await rig.phones.call("+14165550123")).got_digits("9*0#")


async def test_a_recording_tells_tones_and_gaps(rig: Rig, judge: Judge) -> None:
    rig.phones.set("1001", phone.hears(phone.answers()))
    tones = [rig.phones.sound(name, audio.tone(hertz, 0.6)) for name, hertz in (("low", 440), ("high", 1000))]
    assert tones == ["sound:rig/low", "sound:rig/high"]
    folder = rig.pbx.sounds / "rig"
    folder.mkdir(exist_ok=True)
    audio.tone(440, 0.6).write(folder / "low.wav")
    audio.tone(1000, 0.6).write(folder / "high.wav")
    agent = await judge.call("PJSIP/1001")
    await judge.event("StasisStart", id=agent)
    for name in ("low", "high"):
        await judge.do("POST", f"/channels/{agent}/play/{name}", media=f"sound:rig/{name}")
        await judge.event("PlaybackFinished", id=name)
        await asyncio.sleep(0.4)  # the gap that is to be heard
    heard = (await rig.phones.call("1001")).recording.stop()
    began = audio.first_sound(heard)
    assert began is not None
    assert audio.tone_at(heard, began + 0.2, 440)
    second = audio.first_sound(heard, began + 0.8)
    assert second is not None
    assert audio.tone_at(heard, second + 0.2, 1000)
    assert 0.25 <= audio.longest_silence(heard, began, second) <= 0.85  # an old PBX pads what it has played


async def test_a_busy_client(rig: Rig, judge: Judge) -> None:
    rig.phones.set("+14165550123", phone.busy())
    client = await judge.call("PJSIP/+14165550123@trunk")
    assert (await judge.event("ChannelDestroyed", id=client))["cause"] == 17
    [call] = rig.phones.calls()
    assert call.answered_at is None
    await call.ended()
    await rig.no_channels_left()


@pytest.mark.parametrize(("behaviour", "cause"), [(phone.rejects(), 21), (phone.unallocated(), 1), (None, 1)])
async def test_refusals_of_a_phone(rig: Rig, judge: Judge, behaviour: Any, cause: int) -> None:
    if behaviour:
        rig.phones.set("+14165550123", behaviour)
    client = await judge.call("PJSIP/+14165550123@trunk")
    assert (await judge.event("ChannelDestroyed", id=client))["cause"] == cause


CAUSES = {404: 1, 410: 22, 484: 28, 486: 17, 488: 58, 500: 38, 503: 34, 504: 102, 600: 17, 603: 21, 604: 1, 403: 21}


@pytest.mark.parametrize("status", sorted(REASONS))
async def test_each_responder_gives_its_response(rig: Rig, judge: Judge, status: int) -> None:
    client = await judge.call(f"PJSIP/+14165550123@trunk{status}")
    end = await judge.event("ChannelDestroyed", id=client)
    if status in CAUSES:
        assert end["cause"] == CAUSES[status]
    [invite] = rig.responders[status].invites
    assert invite.uri.startswith("sip:+14165550123@")


async def test_a_responder_that_rings_until_it_is_cancelled(rig: Rig, judge: Judge) -> None:
    client = await judge.call("PJSIP/+14165550123@trunkringing", timeout=1)
    end = await judge.event("ChannelDestroyed", id=client)
    assert judge.events("ChannelStateChange", id=client)[0]["channel"]["state"] == "Ringing"
    [invite] = rig.ringing.invites
    await asyncio.wait_for(invite.cancelled.wait(), 2)
    assert end["cause"] in (0, 16, 19)


async def test_a_dead_trunk_counts_the_calls_it_swallows(rig: Rig, judge: Judge) -> None:
    client = await judge.call("PJSIP/+14165550123@trunksilent", timeout=1)
    await judge.event("ChannelDestroyed", id=client)
    assert len(rig.silent.calls) == 1
    assert not judge.events("ChannelStateChange", id=client)


async def test_a_responder_can_be_added_with_ringing_before(rig: Rig, judge: Judge) -> None:
    await rig.add_responder("trunk480late", 480, ringing=True, delay=0.2)
    client = await judge.call("PJSIP/+14165550123@trunk480late")
    await judge.event("ChannelDestroyed", id=client)
    assert [each["channel"]["state"] for each in judge.events("ChannelStateChange", id=client)] == ["Ringing"]


async def test_an_agent_who_is_not_registered_cannot_be_called(judge: Judge) -> None:
    with pytest.raises(AriError, match="Allocation failed"):
        await judge.call("PJSIP/1099")


async def test_the_queue_rings_its_members_before_anything_is_answered(rig: Rig, judge: Judge) -> None:
    rig.phones.set("1003", phone.rings_for_ever())
    rig.phones.set("1004", phone.presses("1", ring=0.3))
    agent = await judge.call("Local/600@callbackd-agents/n")
    started = await judge.event("StasisStart", id=agent)
    fast, slow = await rig.phones.call("1004"), await rig.phones.call("1003")
    assert fast.arrived_at < started["seen_at"]
    assert fast.rang_for >= 0.3
    assert (await judge.event("ChannelDtmfReceived", id=agent))["digit"] == "1"
    await slow.ended()
    assert slow.answered_at is None


async def test_a_caller_leaves_the_queue_and_comes_back_when_callbackd_is_away(rig: Rig) -> None:
    rig.phones.set("1003", phone.rings_for_ever())
    caller = await rig.phones.dial(rig.pbx.sip_uri("501"), "+14165550123", phone.answers())
    await rig.phones.call("1003")
    assert "callbackd did not take a caller of profile support" in rig.pbx.log()
    await caller.hangup()
    await rig.no_channels_left()


async def test_early_media_is_heard_before_any_answer(rig: Rig, judge: Judge) -> None:
    rig.phones.set("1001", phone.hears(phone.answers()))
    rig.phones.set("+14165550123", phone.announces(rig.phones.sound("announcement", audio.tone(700, 1.0))))
    agent = await judge.call("PJSIP/1001")
    await judge.event("StasisStart", id=agent)
    client = f"judge-{next(NUMBERS):08d}"
    await judge.do("POST", "/channels/create", endpoint="PJSIP/+14165550123@trunk", app="judge", channelId=client)
    await judge.event("StasisStart", id=client)
    bridge = (await judge.do("POST", "/bridges", type="mixing,dtmf_events"))["id"]
    await judge.do("POST", f"/bridges/{bridge}/addChannel", channel=f"{agent},{client}")
    await judge.do("POST", f"/channels/{client}/dial")
    at = await (await rig.phones.call("1001")).heard_sound()
    await judge.event("ChannelDestroyed", id=client)
    heard = (await rig.phones.call("1001")).recording.sound
    assert audio.tone_at(heard, at + 0.3, 700)


async def test_a_voicemail_box_greets_listens_and_hangs_up(rig: Rig, judge: Judge) -> None:
    rig.phones.set("+14165550123", phone.voicemail(greeting="sound:vm-goodbye", records=0.2))
    client = await judge.call("PJSIP/+14165550123@trunk")
    await judge.event("StasisStart", id=client)
    await judge.event("ChannelDestroyed", id=client)
    [call] = rig.phones.calls()
    await call.ended(2.0)  # the phone tells by itself, and perhaps later than the PBX
    assert call.ended_at is not None
    assert call.answered_at is not None
    assert call.ended_at - call.answered_at > 0.6


async def test_a_behaviour_that_fails_is_told(rig: Rig, judge: Judge) -> None:
    async def clumsy(call: PhoneCall) -> None:
        raise ValueError(f"dropped {call.extension}")

    rig.phones.set("1001", clumsy)
    agent = await judge.call("PJSIP/1001")
    await judge.event("ChannelDestroyed", id=agent)
    with pytest.raises(ValueError, match="dropped 1001"):
        rig.phones.check()
    rig.phones.check()


async def test_a_caller_who_gives_up_is_no_failure_of_the_phone(rig: Rig, judge: Judge) -> None:
    rig.phones.set("1001", phone.rings_for_ever())
    agent = await judge.call("PJSIP/1001")
    call = await rig.phones.call("1001")
    await judge.do("DELETE", f"/channels/{agent}")
    await call.ended()
    assert call.answered_at is None


async def test_the_phones_of_load_tests_need_no_python(rig: Rig, judge: Judge) -> None:
    agent = await judge.call("PJSIP/70001@phones")
    assert (await judge.event("ChannelDtmfReceived", id=agent))["digit"] == "1"
    client = await judge.call("PJSIP/+19995550001@trunk")
    assert (await judge.event("ChannelDestroyed", id=client))["cause"] == 17
    (first, at), (second, later) = rig.phones.load_log()
    assert (first, second) == ("70001", "+19995550001")
    assert abs(time.time() - later) < 5
    assert at < later
    assert rig.phones.calls() == []


async def test_the_read_only_account_may_not_call(rig: Rig) -> None:
    reader = Ari(rig.pbx.ari_url, rig.pbx.readonly_user, rig.pbx.readonly_password)
    assert await reader.request("GET", "/channels") == []
    with pytest.raises(AriError, match="403"):
        await reader.request("POST", "/channels", endpoint="PJSIP/1001", app="judge")
    await reader.close()


async def test_the_projects_dialplan_loads_without_a_warning(rig: Rig) -> None:
    before = len(rig.pbx.log())
    await rig.pbx.restart()
    complaints = [line for line in rig.pbx.log()[before:].splitlines() if "WARNING" in line or "ERROR" in line]
    assert complaints == []
    shown = await rig.pbx.cli("dialplan show")
    for context in ("callbackd-agents", "callbackd-clients", "callbackd-intake", "callbackd-queue-exit-support"):
        assert f"Context '{context}'" in shown


async def test_the_prompts_are_where_the_daemon_looks(rig: Rig) -> None:
    known = {sound["id"] for sound in await rig.pbx.ari.request("GET", "/sounds", lang="en")}
    assert "callbackd/connecting" in known
    assert "digits/1" in known


async def test_a_pbx_that_is_killed_comes_back_on_the_same_ports(rig: Rig) -> None:
    url, port = rig.pbx.ari_url, rig.pbx.sip_port
    await rig.pbx.kill()
    assert not rig.pbx.running
    await rig.pbx.start()
    assert (rig.pbx.ari_url, rig.pbx.sip_port) == (url, port)
    assert await rig.pbx.channels() == []


async def test_channels_that_are_left_are_named(rig: Rig, judge: Judge) -> None:
    rig.phones.set("1001", phone.answers())
    agent = await judge.call("PJSIP/1001")
    await judge.event("StasisStart", id=agent)
    with pytest.raises(AssertionError, match="PJSIP/1001"):
        await rig.no_channels_left(within=0.1)
