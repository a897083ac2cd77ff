"""The requests of ARI that callbackd makes, one typed coroutine each.

Every method raises `Unreachable` when no answer came and a `Refused` when Asterisk said no; what a method promises
beyond that is said there. Parameters travel in a JSON body wherever ARI takes one, never in a URL that a proxy logs.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from callbackd.ari.decoding import (
    Malformed,
    decode_application,
    decode_bridge,
    decode_channel,
    decode_info,
    decode_playback,
    decode_sound,
)
from callbackd.ari.errors import (
    AriError,
    Conflict,
    MalformedReply,
    NotFound,
    Refused,
    ServerError,
    Unreachable,
    allocation_failed,
    refusal,
)
from callbackd.ari.models import Application, AsteriskInfo, Bridge, Channel, Playback, Raw, Sound
from callbackd.ari.transport import Body, Json, Query, Transport

T = TypeVar("T")

UNWANTED_EVENTS = ("ChannelVarset", "ChannelDialplan", "ChannelConnectedLine", "ChannelCallerId")
"""Half of all events, and of no use to us."""

UNUSED_EVENTS = (
    *UNWANTED_EVENTS,
    *("PlaybackStarted", "PlaybackContinuing"),
    *("BridgeCreated", "BridgeDestroyed", "ChannelEnteredBridge", "ChannelLeftBridge"),
)
"""A call's events that nothing here acts on: the ends of channels and playbacks tell what these would."""

LOOKS_AFTER_A_LOST_POST = (0.0, 0.2, 0.8)
"""Seconds before each look for a channel whose creation got no answer."""

STOPS_OF_A_PLAYBACK = (0.05, 0.2)
"""Seconds after each failure to stop a playback."""


class AriClient:
    """Requests to one Asterisk on behalf of one Stasis application.

    `gate` is asked before any request that makes a phone ring or a leg to do so; it raises to forbid it.
    """

    def __init__(self, transport: Transport, app: str, *, gate: Callable[[], None] | None = None) -> None:
        self._transport = transport
        self._app = app
        self._gate = gate or _open

    @property
    def app(self) -> str:
        """The name of the Stasis application."""
        return self._app

    # Asterisk and the application

    async def info(self) -> AsteriskInfo:
        """Which Asterisk this is."""
        path = "/asterisk/info"
        return self._decoded(decode_info, await self._ask("GET", path), path)

    async def description(self, resource: str) -> dict[str, Any]:
        """Asterisk's own description (Swagger 1.1) of `bridges`, `channels`, `events` ...

        Raises NotFound where they are not installed.
        """
        path = f"/api-docs/{_segment(resource)}.json"
        return self._object(await self._ask("GET", path), path)

    async def modules(self) -> dict[str, str]:
        """Every loaded module by name (`res_pjsip.so`), with its status (`Running`)."""
        path = "/asterisk/modules"
        found = await self._ask("GET", path)
        return {str(item.get("name")): str(item.get("status")) for item in self._objects(found, path)}

    async def application(self) -> Application:
        """Our application. Raises NotFound unless some websocket has it registered."""
        path = f"/applications/{_segment(self._app)}"
        return self._decoded(decode_application, await self._ask("GET", path), path)

    async def set_event_filter(self, disallowed: Sequence[str] = UNWANTED_EVENTS) -> None:
        """Stops events of these types. Gone with the websocket, so needed after every connect."""
        await self._ask(
            "PUT",
            f"/applications/{_segment(self._app)}/eventFilter",
            body={"disallowed": [{"type": name} for name in disallowed]},
        )

    async def post_user_event(self, name: str, variables: Mapping[str, str] | None = None) -> None:
        """Sends our own application an event; NotFound if it is not registered."""
        await self._ask(
            "POST",
            f"/events/user/{_segment(name)}",
            query={"application": self._app},
            body={"variables": dict(variables or {})},
        )

    async def subscribe(self, event_source: str) -> None:
        """`deviceState:Queue:support_avail`, `channel:ID`, `endpoint:PJSIP/1001` ... Once more changes nothing."""
        await self._ask("POST", f"/applications/{_segment(self._app)}/subscription", body={"eventSource": event_source})

    async def unsubscribe(self, event_source: str) -> None:
        """The opposite; not having been subscribed (404, 409, 422) is success."""
        try:
            await self._ask(
                "DELETE", f"/applications/{_segment(self._app)}/subscription", query={"eventSource": event_source}
            )
        except Refused as error:
            if error.status not in (404, 409, 422):
                raise

    # Channels

    async def originate(
        self,
        channel_id: str,
        endpoint: str,
        *,
        caller_id: str | None = None,
        timeout: float,
        variables: Mapping[str, str] | None = None,
        app_args: Sequence[str] = (),
        language: str | None = None,
    ) -> Channel:
        """Makes a channel and rings it for `timeout` seconds (rounded up); its StasisStart is the answer.

        Returns the channel, found by its id if the answer was lost. Raises AllocationFailed if the endpoint is
        unknown or not registered (no event follows), Conflict if a channel of that id lives, and Unreachable, with
        `perhaps_acted` as far as it is known.
        """
        self._gate()
        body: dict[str, Any] = {
            "endpoint": endpoint,
            "app": self._app,
            "channelId": channel_id,
            "timeout": math.ceil(timeout),
            "variables": _with_language(variables, language),
        }
        if caller_id is not None:
            body["callerId"] = caller_id
        if app_args:
            body["appArgs"] = _app_args(app_args)
        return await self._make_channel("/channels", channel_id, body)

    async def create_channel(
        self,
        channel_id: str,
        endpoint: str,
        *,
        caller_id: str | None = None,
        variables: Mapping[str, str] | None = None,
        app_args: Sequence[str] = (),
        language: str | None = None,
        originator: str | None = None,
    ) -> Channel:
        """Makes a channel without dialling it. Await its StasisStart before `add_to_bridge` and `dial`.

        `caller_id` is what the called phone shows; it travels as the channel's connected line, the one thing that
        Asterisk shows for a created channel. Without it the call is anonymous. Results and errors as for `originate`.
        """
        self._gate()
        if caller_id is not None:
            variables = {"CONNECTEDLINE(all)": caller_id, **(variables or {})}
        body: dict[str, Any] = {
            "endpoint": endpoint,
            "app": self._app,
            "channelId": channel_id,
            "variables": _with_language(variables, language),
        }
        if app_args:
            body["appArgs"] = _app_args(app_args)
        if originator is not None:
            body["originator"] = originator
        return await self._make_channel("/channels/create", channel_id, body)

    async def dial(self, channel_id: str, *, caller: str | None = None, timeout: float) -> None:
        """Dials a created channel for `timeout` seconds (rounded up). Conflict if it is not Down, or not in Stasis.

        With `caller`, the called phone shows that channel's connected caller instead of our caller id: the client of
        an agent's leg would see their own number. A failed leg's ChannelDestroyed often comes without a last Dial
        event; a Local channel that is busy says so in one and stays until it is hung up (with a `reason`, which
        becomes its cause). If the answer is lost, the channel's state tells; Unreachable is raised if it is Down still.
        """
        self._gate()
        body: dict[str, Any] = {"timeout": math.ceil(timeout)}
        if caller is not None:
            body["caller"] = caller
        try:
            await self._ask("POST", f"/channels/{_segment(channel_id)}/dial", body=body)
        except Unreachable as lost:
            if not (lost.perhaps_acted and await self._was_dialled(channel_id)):
                raise

    async def answer(self, channel_id: str) -> None:
        """Picks up."""
        await self._ask("POST", f"/channels/{_segment(channel_id)}/answer")

    async def hangup(self, channel_id: str, *, reason: str | None = None) -> bool:
        """Hangs up, with one of ARI's reasons: normal, busy, congestion, no_answer ... (old ones take no Q.850 code).

        False if the channel was already gone, which is success too.
        """
        query = {} if reason is None else {"reason": reason}
        return await self._gone("DELETE", f"/channels/{_segment(channel_id)}", query=query)

    async def get_channel(self, channel_id: str) -> Channel | None:
        """The channel, or None if there is none of that id."""
        path = f"/channels/{_segment(channel_id)}"
        try:
            return self._decoded(decode_channel, await self._ask("GET", path), path)
        except NotFound:
            return None

    async def channels(self) -> list[Channel]:
        """All of the PBX, ours and others'."""
        path = "/channels"
        return [self._decoded(decode_channel, item, path) for item in self._objects(await self._ask("GET", path), path)]

    async def ring(self, channel_id: str) -> None:
        """Lets the channel hear ringing until `ring_stop`."""
        await self._ask("POST", f"/channels/{_segment(channel_id)}/ring")

    async def ring_stop(self, channel_id: str) -> bool:
        """False if the channel was gone, which is success too."""
        return await self._gone("DELETE", f"/channels/{_segment(channel_id)}/ring")

    async def play(
        self, channel_id: str, playback_id: str, media: Sequence[str], *, lang: str | None = None
    ) -> Playback:
        """Plays the media one after another, after what is playing already; PlaybackFinished comes once, at the end.

        Media go as a JSON list: in a query, Asterisk splits a `tone:` URI at its commas. A `tone:` never ends by
        itself, and stopping it inside a list goes on to what follows: give a tone a playback of its own. A URI of
        an unknown kind starts and never reports its end. `playback_id` must not be in use: Asterisk would accept it.
        """
        body: dict[str, Any] = {"media": list(media), "playbackId": playback_id}
        if lang is not None:
            body["lang"] = lang
        path = f"/channels/{_segment(channel_id)}/play"
        return self._decoded(decode_playback, await self._ask("POST", path, body=body), path)

    async def get_playback(self, playback_id: str) -> Playback | None:
        """The playback, or None if it is over."""
        path = f"/playbacks/{_segment(playback_id)}"
        try:
            return self._decoded(decode_playback, await self._ask("GET", path), path)
        except NotFound:
            return None

    async def stop_playback(self, playback_id: str) -> bool:
        """Stops the whole list; its PlaybackFinished says `done`. False if it was over already, which is success.

        Right at a playback's beginning Asterisk 16 may fail (500) to stop it: it is asked again, for a tone would go
        on for ever.
        """
        path = f"/playbacks/{_segment(playback_id)}"
        for wait in STOPS_OF_A_PLAYBACK:
            try:
                return await self._gone("DELETE", path)
            except ServerError:
                await asyncio.sleep(wait)
        return await self._gone("DELETE", path)

    async def get_variable(self, channel_id: str, name: str) -> str | None:
        """A channel variable or function; None if it is not set or the channel has gone."""
        try:
            found = await self._ask("GET", f"/channels/{_segment(channel_id)}/variable", query={"variable": name})
        except NotFound:
            return None
        return str(found.get("value", "")) if isinstance(found, dict) else None

    async def set_variable(self, channel_id: str, name: str, value: str) -> None:
        """Sets a channel variable or function, for this channel."""
        await self._ask("POST", f"/channels/{_segment(channel_id)}/variable", body={"variable": name, "value": value})

    async def continue_in_dialplan(
        self,
        channel_id: str,
        *,
        context: str | None = None,
        extension: str | None = None,
        priority: int | None = None,
    ) -> None:
        """Hands the channel back to the dialplan: at the place named, else where it came from."""
        given = {"context": context, "extension": extension, "priority": priority}
        await self._ask(
            "POST",
            f"/channels/{_segment(channel_id)}/continue",
            body={key: value for key, value in given.items() if value is not None},
        )

    async def snoop(
        self,
        channel_id: str,
        snoop_id: str,
        *,
        spy: str = "in",
        whisper: str = "none",
        app_args: Sequence[str] = (),
    ) -> Channel:
        """Makes a channel, in our application, that hears (`spy`) or speaks to (`whisper`) another."""
        body: dict[str, Any] = {"spy": spy, "whisper": whisper, "app": self._app, "snoopId": snoop_id}
        if app_args:
            body["appArgs"] = _app_args(app_args)
        path = f"/channels/{_segment(channel_id)}/snoop"
        return self._decoded(decode_channel, await self._ask("POST", path, body=body), path)

    # Bridges

    async def create_bridge(self, bridge_id: str, *, kind: str = "mixing,dtmf_events", name: str = "") -> Bridge:
        """A bridge that reports digits. ServerError (500, "Possible duplicate bridge id") if it exists."""
        path = "/bridges"
        body = {"type": kind, "bridgeId": bridge_id, "name": name}
        return self._decoded(decode_bridge, await self._ask("POST", path, body=body), path)

    async def add_to_bridge(self, bridge_id: str, *channel_ids: str) -> None:
        """Moves channels in. NotFound: no bridge; Unprocessable: no channel (400), or not in Stasis (422).

        Nobody's display changes: else the client, dialled in the bridge, would be shown the agent leg's caller id,
        which is their own number.
        """
        await self._ask(
            "POST",
            f"/bridges/{_segment(bridge_id)}/addChannel",
            body={"channel": list(channel_ids), "inhibitConnectedLineUpdates": True},
        )

    async def delete_bridge(self, bridge_id: str) -> bool:
        """Its channels stay, silent, in Stasis. False if it was gone, or just going (409), which is success too."""
        try:
            return await self._gone("DELETE", f"/bridges/{_segment(bridge_id)}")
        except Conflict:
            return False

    async def bridges(self) -> list[Bridge]:
        """All of the PBX, ours and others'."""
        path = "/bridges"
        return [self._decoded(decode_bridge, item, path) for item in self._objects(await self._ask("GET", path), path)]

    # The rest

    async def device_state(self, name: str) -> str:
        """`Queue:support_avail`, `PJSIP/1001` ...: NOT_INUSE, INUSE, UNAVAILABLE, INVALID (no such device) ..."""
        path = f"/deviceStates/{_segment(name)}"
        return str(self._object(await self._ask("GET", path), path).get("state", "UNKNOWN"))

    async def sounds(self, *, lang: str | None = None) -> list[Sound]:
        """The sounds installed, in `lang` if given; none at all is an empty list. About 650 for one language."""
        path = "/sounds"
        try:
            found = await self._ask("GET", path, query={"lang": lang} if lang is not None else None)
        except NotFound:
            return []
        return [self._decoded(decode_sound, item, path) for item in self._objects(found, path)]

    async def sound(self, sound_id: str) -> Sound | None:
        """One sound (`beep`, `digits/1`), or None."""
        path = f"/sounds/{_segment(sound_id)}"
        try:
            return self._decoded(decode_sound, await self._ask("GET", path), path)
        except NotFound:
            return None

    # How it is done

    async def _make_channel(self, path: str, channel_id: str, body: Body) -> Channel:
        try:
            answer = await self._ask("POST", path, body=body)
        except Conflict:
            # A 409 sticks to its connection, so that an unreachable phone may report one too.
            if await self.get_channel(channel_id) is None:
                raise allocation_failed("POST", path) from None
            raise
        except Unreachable as lost:
            if not lost.perhaps_acted:
                raise
            return await self._look_for(channel_id, lost)
        return self._decoded(decode_channel, answer, path)

    async def _was_dialled(self, channel_id: str) -> bool:
        """Whether a dial without an answer was heard. Of one that is gone again the events tell."""
        for wait in LOOKS_AFTER_A_LOST_POST:
            await asyncio.sleep(wait)
            try:
                channel = await self.get_channel(channel_id)
            except AriError:
                continue
            if channel is None or channel.state != "Down":
                return True
        return False

    async def _look_for(self, channel_id: str, lost: Unreachable) -> Channel:
        """The channel that a POST without an answer has made after all, or the error that says what is known."""
        absent = False
        for wait in LOOKS_AFTER_A_LOST_POST:
            await asyncio.sleep(wait)
            try:
                channel = await self.get_channel(channel_id)
            except AriError:
                continue
            if channel is not None:
                return channel
            absent = True
        raise Unreachable(
            lost.message,
            method=lost.method,
            path=lost.path,
            mend=lost.mend,
            perhaps_acted=True,
            seen_absent=absent,
        )

    async def _ask(self, method: str, path: str, *, query: Query | None = None, body: Body | None = None) -> Json:
        answer = await self._transport.request(method, path, query=query, body=body)
        if 200 <= answer.status < 300:
            return answer.body
        raise refusal(
            method,
            path,
            answer.status,
            answer.body,
            username=self._transport.username,
            url=self._transport.url,
        )

    async def _gone(self, method: str, path: str, *, query: Query | None = None) -> bool:
        try:
            await self._ask(method, path, query=query)
        except NotFound:
            return False
        return True

    def _decoded(self, decode: Callable[[Raw], T], answer: Json, path: str) -> T:
        try:
            return decode(self._object(answer, path))
        except Malformed as error:
            raise MalformedReply(f"an answer without what it must have: {error}", path=path) from None

    def _object(self, answer: Json, path: str) -> dict[str, Any]:
        if not isinstance(answer, dict):
            raise MalformedReply(
                "an answer that is not a JSON object",
                path=path,
                mend=f"is it Asterisk that listens at {self._transport.url}?",
            )
        return answer

    def _objects(self, answer: Json, path: str) -> list[dict[str, Any]]:
        if not isinstance(answer, list):  # never taken for an empty one: of calls that would mean that none is up
            raise MalformedReply(
                "an answer that is not a JSON list",
                path=path,
                mend=f"is it Asterisk that listens at {self._transport.url}?",
            )
        return [self._object(item, path) for item in answer]


def caller_id(name: str | None, number: str) -> str:
    """`"Name" <number>` as Asterisk reads it. What could end the name early is dropped."""
    cleaned = "".join(letter for letter in name or "" if letter.isprintable() and letter not in '"<>\\')
    return f'"{cleaned}" <{number}>' if cleaned else f"<{number}>"


def _open() -> None:
    """The gate of a client that nobody supervises."""


def _segment(text: str) -> str:
    """One segment of a path: `digits/1` is `digits%2F1`, which Asterisk decodes again."""
    return quote(text, safe="")


def _app_args(args: Sequence[str]) -> str:
    if any(set(arg) & set(',"\\') for arg in args):
        raise ValueError("an argument of a Stasis application may hold no comma, quote or backslash")
    return ",".join(args)


def _with_language(variables: Mapping[str, str] | None, language: str | None) -> dict[str, str]:
    given = dict(variables or {})
    return {"CHANNEL(language)": language, **given} if language is not None else given
