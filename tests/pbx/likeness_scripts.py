"""What is asked of both Asterisks, the real and the simulated one, script by script."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from callbackd.ari.client import UNWANTED_EVENTS
from tests.pbx.likeness import APP, CLIENT, Stage
from tests.simulation.asterisk_house import told

LOCAL_AGENT = "Local/1001@callbackd-agents/n"
LOCAL_CLIENT = "Local/+14165550123@callbackd-clients/n"

Script = Callable[[Stage], Awaitable[None]]


async def answered_and_hung_up(stage: Stage) -> None:
    stage.behave("1001", "answers")
    await stage.answered()
    await stage.hang_up("leg-a")
    await stage.ask("DELETE", "/channels/leg-a")


async def answered_and_put_down(stage: Stage) -> None:
    stage.behave("1001", "answers and hangs up")
    await stage.answered()
    await stage.until("ChannelDestroyed")
    await stage.play("leg-a", "p-1", "sound:beep")


async def an_agent_who_is_busy(stage: Stage) -> None:
    stage.behave("1001", "is busy")
    await stage.originate()
    await stage.until("ChannelDestroyed")


async def an_agent_who_does_not_answer(stage: Stage) -> None:
    stage.behave("1001", "rings")
    await stage.originate(timeout=1)
    await stage.until("ChannelDestroyed")


async def an_agent_whose_ringing_is_ended(stage: Stage) -> None:
    stage.behave("1001", "rings")
    await stage.originate()
    await stage.until("ChannelStateChange Ringing")
    await stage.hang_up("leg-a")


async def nobody_there(stage: Stage) -> None:
    for endpoint in ("PJSIP/1099", "PJSIP/nobody", "Nonsense/1"):
        await stage.originate(endpoint)
        await stage.ask("POST", "/channels/create", endpoint=endpoint, app=APP, channelId="leg-a")
    await stage.ask("POST", "/channels/leg-a/dial", timeout=1)
    await stage.ask("GET", "/channels/leg-a")
    await stage.ask("DELETE", "/channels/leg-a")


async def an_id_that_is_taken(stage: Stage) -> None:
    stage.behave("1001", "rings")
    await stage.originate(channel="leg-a0")
    await stage.originate(channel="leg-a")
    await stage.originate(channel="LEG-A0")
    await stage.ask("POST", "/channels/create", endpoint=CLIENT, app=APP, channelId="leg-a0")
    await stage.until("ChannelStateChange Ringing")
    await stage.hang_up("leg-a0")


async def a_client_who_is_busy(stage: Stage) -> None:
    stage.behave("+14165550123", "is busy")
    await stage.create()
    await stage.dial()
    await stage.until("ChannelDestroyed")
    await stage.dial()


async def a_client_who_rejects_in_a_bridge(stage: Stage) -> None:
    stage.behave("+14165550123", "rings and rejects")
    await stage.bridge()
    await stage.create()
    await stage.join("leg-c")
    await stage.dial()
    await stage.until("ChannelDestroyed")
    await stage.join("leg-c")
    await stage.ask("DELETE", "/bridges/br-1")
    await stage.ask("DELETE", "/bridges/br-1")
    await stage.join("leg-c")


async def a_client_who_does_not_answer(stage: Stage) -> None:
    stage.behave("+14165550123", "rings")
    await stage.create()
    await stage.dial(timeout=1)
    await stage.until("ChannelDestroyed")


async def a_client_whose_ringing_is_ended(stage: Stage) -> None:
    stage.behave("+14165550123", "rings")
    await stage.create()
    await stage.dial()
    await stage.until("ChannelStateChange Ringing")
    await stage.dial()
    await stage.hang_up("leg-c")


async def a_client_who_is_never_dialled(stage: Stage) -> None:
    await stage.create()
    await stage.hang_up("leg-c")


async def two_who_talk(stage: Stage) -> None:
    stage.behave("1001", "answers and presses")
    stage.behave("+14165550123", "answers and hangs up")
    await stage.bridge()
    await stage.bridge()
    await stage.answered()
    await stage.join("leg-a")
    await stage.until("ChannelDtmfReceived", times=2)
    await stage.create()
    await stage.join("leg-c")
    await stage.dial()
    await stage.until("ChannelStateChange Up", "leg-c")
    await stage.until("ChannelDestroyed", "leg-c")
    await stage.hang_up("leg-a")
    await stage.ask("DELETE", "/bridges/br-1")


async def a_bridge_that_is_deleted(stage: Stage) -> None:
    stage.behave("1001", "answers")
    await stage.bridge()
    await stage.answered()
    await stage.join("leg-a")
    await stage.ask("DELETE", "/bridges/br-1")
    await stage.until("ChannelLeftBridge")
    await stage.hang_up("leg-a")


async def sounds_and_their_end(stage: Stage) -> None:
    stage.behave("1001", "answers")
    await stage.answered()
    await stage.play("leg-a", "p-1", "sound:beep", "sound:digits/1")
    await stage.until("PlaybackFinished done")
    await stage.play("leg-a", "p-2", "sound:no-such-sound")
    await stage.until("PlaybackFinished failed")
    await stage.play("leg-a", "p-3", "tone:ring")
    await stage.until("PlaybackStarted", times=4)
    await stage.ask("GET", "/playbacks/p-3")
    await stage.ask("DELETE", "/playbacks/p-3")
    await stage.until("PlaybackFinished done", times=2)
    await stage.forgotten("/playbacks/p-3")
    await stage.ask("DELETE", "/playbacks/p-3")
    await stage.ask("GET", "/playbacks/p-3")
    await stage.play("leg-a", "p-4", "digits:12")
    await stage.until("PlaybackStarted", times=5)
    await stage.ask("DELETE", "/playbacks/p-4")
    await stage.until("PlaybackFinished done", times=3)
    await stage.play("leg-a", "p-5", "tone:ring")
    await stage.play("leg-a", "p-6", "sound:beep")
    await stage.until("PlaybackStarted", times=6)
    await stage.ask("GET", "/playbacks/p-6")
    await stage.ask("DELETE", "/playbacks/p-6")
    await stage.ask("DELETE", "/playbacks/p-5")
    await stage.until("PlaybackFinished done", times=5)
    await stage.play("leg-a", "p-7", "tone:ring")
    await stage.play("leg-a", "p-8", "sound:beep")
    await stage.until("PlaybackStarted", times=7)
    await stage.hang_up("leg-a")


async def a_list_with_a_sound_that_is_missing(stage: Stage) -> None:
    """At its end, at its beginning, in its midst, all of it."""
    stage.behave("1001", "answers")
    await stage.answered()
    there, missing = "sound:beep", "sound:no-such-sound"
    lists = ((there, missing), (missing, there), (there, missing, there), (missing, missing))
    for number, media in enumerate(lists, 1):
        await stage.play("leg-a", f"p-{number}", *media)
        await stage.ended_playbacks(number)


async def a_bridge_that_waits_for_a_playback(stage: Stage) -> None:
    stage.behave("1001", "answers")
    await stage.bridge()
    await stage.answered()
    await stage.join("leg-a")
    await stage.play("leg-a", "p-1", "tone:ring")
    await stage.until("PlaybackStarted")
    await stage.ask("DELETE", "/bridges/br-1")
    await asyncio.sleep(0.5)
    await stage.ask("DELETE", "/bridges/br-1")
    await stage.hang_up("leg-a")


async def a_caller_who_is_sent_on(stage: Stage) -> None:
    await stage.enter(False, "presses")
    caller = f"/channels/{await stage.caller()}"
    await stage.ask("POST", f"{caller}/answer")
    await stage.until("ChannelStateChange Up")
    await stage.ask("POST", f"{caller}/play", media=["sound:beep"], playbackId="p-1")
    await stage.until("PlaybackFinished done")
    await stage.until("ChannelDtmfReceived")
    await stage.ask("GET", f"{caller}/variable", {"variable": "CALLBACKD_STATUS"})
    await stage.ask("POST", f"{caller}/variable", variable="CALLBACKD_STATUS", value="ACCEPTED")
    await stage.ask("GET", f"{caller}/variable", {"variable": "CALLBACKD_STATUS"})
    await stage.ask("POST", f"{caller}/continue")
    await stage.until("StasisEnd")
    await stage.ask("POST", f"{caller}/continue")
    await asyncio.sleep(1.0)
    await stage.ask("POST", f"{caller}/continue")


async def a_caller_sent_on_while_a_sound_plays(stage: Stage) -> None:
    await stage.enter(True, "stays")
    caller = f"/channels/{await stage.caller()}"
    await stage.ask("POST", f"{caller}/play", media=["tone:ring"], playbackId="p-1")
    await stage.until("PlaybackStarted")
    await stage.ask("POST", f"{caller}/continue")
    await asyncio.sleep(1.0)
    assert "StasisEnd" not in [told(event) for event in stage.events]
    await stage.ask("DELETE", "/playbacks/p-1")
    await stage.until("StasisEnd")


async def a_caller_who_is_hung_up(stage: Stage) -> None:
    await stage.enter(True, "stays")
    caller = f"/channels/{await stage.caller()}"
    await stage.ask("POST", f"{caller}/play", media=["tone:ring"], playbackId="p-1")
    await stage.until("PlaybackStarted")
    await stage.ask("DELETE", caller)
    await stage.until("StasisEnd")


async def a_caller_who_hangs_up(stage: Stage) -> None:
    await stage.enter(True, "hangs up")
    await stage.caller()
    await stage.until("StasisEnd")


async def an_agent_by_the_dialplan(stage: Stage) -> None:
    stage.behave("1001", "is busy")
    await stage.originate(LOCAL_AGENT)
    await stage.until("ChannelDestroyed", "leg-a")


async def an_agent_by_the_dialplan_who_does_not_answer(stage: Stage) -> None:
    stage.behave("1001", "rings")
    await stage.originate(LOCAL_AGENT, timeout=1)
    await stage.until("ChannelDestroyed", "leg-a;2")


async def an_agent_by_the_dialplan_who_answers(stage: Stage) -> None:
    stage.behave("1001", "answers")
    await stage.answered(LOCAL_AGENT)
    await stage.hang_up("leg-a")
    await stage.until("ChannelDestroyed", "leg-a;2")


async def an_agent_by_the_dialplan_who_hangs_up(stage: Stage) -> None:
    stage.behave("1001", "answers and hangs up")
    await stage.answered(LOCAL_AGENT)
    await stage.until("ChannelDestroyed", "leg-a")
    await stage.until("ChannelDestroyed", "leg-a;2")


async def a_client_by_the_dialplan(stage: Stage) -> None:
    stage.behave("+14165550123", "is busy")
    await stage.create(LOCAL_CLIENT)
    await stage.dial()
    await stage.until("ChannelDestroyed")


async def a_client_by_the_dialplan_who_answers(stage: Stage) -> None:
    stage.behave("+14165550123", "answers and hangs up")
    await stage.create(LOCAL_CLIENT)
    await stage.dial()
    await stage.until("ChannelDestroyed")


async def a_client_by_the_dialplan_who_does_not_answer(stage: Stage) -> None:
    stage.behave("+14165550123", "rings")
    await stage.create(LOCAL_CLIENT)
    await stage.dial(timeout=1)
    await stage.until("ChannelDestroyed")


async def an_agent_in_a_bridge_who_hangs_up(stage: Stage) -> None:
    stage.behave("1001", "answers and hangs up")
    await stage.bridge()
    await stage.answered()
    await stage.join("leg-a")
    await stage.play("leg-a", "p-1", "tone:ring")
    await stage.until("ChannelDestroyed")
    await stage.ask("DELETE", "/bridges/br-1")


async def a_client_with_an_announcement(stage: Stage) -> None:
    stage.behave("+14165550123", "announces")
    await stage.create()
    await stage.dial()
    await stage.until("ChannelDestroyed")


async def a_link_that_is_lost(stage: Stage) -> None:
    application = f"/applications/{APP}"
    stage.behave("1001", "answers")
    await stage.answered()
    await stage.disconnect()
    await asyncio.sleep(0.3)
    await stage.ask("GET", application)
    await stage.ask("POST", "/events/user/hello", {"application": APP}, variables={"nonce": "1"})
    await stage.ask("GET", "/channels/leg-a")
    await stage.play("leg-a", "p-1", "tone:ring")
    await stage.connect(filtered=False)
    found = await stage.ask("GET", application)
    assert found["channel_ids"] == ["leg-a"]
    assert {each["type"] for each in found["events_disallowed"]} == set(UNWANTED_EVENTS)
    await stage.hang_up("leg-a")
    await stage.disconnect()
    await asyncio.sleep(0.3)
    await stage.ask("GET", application)
    await stage.ask("POST", "/events/user/hello", {"application": APP}, variables={"nonce": "1"})


async def a_phone_that_is_rung_for_nobody(stage: Stage) -> None:
    stage.behave("1001", "answers")
    await stage.disconnect()
    await asyncio.sleep(0.3)
    await stage.originate()
    await asyncio.sleep(1.0)
    await stage.ask("GET", "/channels/leg-a")


async def a_link_made_while_a_phone_rings(stage: Stage) -> None:
    stage.behave("1001", "rings")
    await stage.disconnect()
    await asyncio.sleep(0.3)
    await stage.originate(timeout=2)
    await asyncio.sleep(0.3)
    await stage.connect()
    await stage.ask("GET", "/channels/leg-a")
    await asyncio.sleep(2.2)
    await stage.ask("GET", "/channels/leg-a")


async def devices_that_are_watched(stage: Stage) -> None:
    subscription = f"/applications/{APP}/subscription"
    await stage.ask("POST", subscription, eventSource="deviceState:Queue:support_avail")
    await stage.ask("POST", subscription, eventSource="deviceState:Queue:support_avail")
    await stage.disconnect()
    await asyncio.sleep(0.3)
    await stage.ask("POST", subscription, eventSource="deviceState:Queue:support_avail")
    await stage.connect()
    found = await stage.ask("GET", f"/applications/{APP}")
    assert found["device_names"] == ["Queue:support_avail"]
    await stage.ask("DELETE", subscription, {"eventSource": "deviceState:Queue:support_avail"})
    await stage.ask("DELETE", subscription, {"eventSource": "deviceState:Queue:support_avail"})


async def a_queue_that_is_asked(stage: Stage) -> None:
    await stage.create("Local/s@callbackd-agents")
    found = await stage.ask("GET", "/channels/leg-c/variable", {"variable": "QUEUE_MEMBER(support,ready)"})
    assert found == {"value": "2"}
    await stage.hang_up("leg-c")
    await stage.ask("GET", "/channels/leg-c/variable", {"variable": "QUEUE_MEMBER(support,ready)"})
    for device in ("Queue%3Anone_avail", "PJSIP%2F1099"):
        await stage.ask("GET", f"/deviceStates/{device}")
    await stage.ask("POST", "/events/user/hello", {"application": APP}, variables={"nonce": "1"})
    await stage.ask("POST", "/events/user/hello", {"application": "nobody"}, variables={"nonce": "1"})


SCRIPTS: tuple[Script, ...] = (
    answered_and_hung_up,
    answered_and_put_down,
    an_agent_who_is_busy,
    an_agent_who_does_not_answer,
    an_agent_whose_ringing_is_ended,
    nobody_there,
    an_id_that_is_taken,
    a_client_who_is_busy,
    a_client_who_rejects_in_a_bridge,
    a_client_who_does_not_answer,
    a_client_whose_ringing_is_ended,
    a_client_who_is_never_dialled,
    two_who_talk,
    a_bridge_that_is_deleted,
    a_bridge_that_waits_for_a_playback,
    sounds_and_their_end,
    a_list_with_a_sound_that_is_missing,
    a_caller_who_is_sent_on,
    a_caller_sent_on_while_a_sound_plays,
    a_caller_who_is_hung_up,
    a_caller_who_hangs_up,
    an_agent_by_the_dialplan,
    an_agent_by_the_dialplan_who_does_not_answer,
    an_agent_by_the_dialplan_who_answers,
    an_agent_by_the_dialplan_who_hangs_up,
    a_client_by_the_dialplan,
    a_client_by_the_dialplan_who_answers,
    a_client_by_the_dialplan_who_does_not_answer,
    an_agent_in_a_bridge_who_hangs_up,
    a_client_with_an_announcement,
    a_link_that_is_lost,
    a_phone_that_is_rung_for_nobody,
    a_link_made_while_a_phone_rings,
    devices_that_are_watched,
    a_queue_that_is_asked,
)
