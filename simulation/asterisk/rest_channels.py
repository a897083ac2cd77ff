"""What is asked of channels over REST."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from callbackd.ari.transport import Response
from simulation.asterisk.answers import ALLOCATION_FAILED, DONE, NO_CHANNEL, NOT_IN_STASIS, TAKEN, Unsimulated, Waiting
from simulation.asterisk.channels import Channel
from simulation.asterisk.exchange import Exchange
from simulation.asterisk.parties import Direct, Local

Given = Mapping[str, Any]

REASONS = {"normal": 16, "busy": 17, "congestion": 34, "no_answer": 19, "timeout": 102, "rejected": 21}


class ChannelDesk:
    """Requests for channels. `left_menu` is told of callers who go on in the dialplan."""

    def __init__(self, exchange: Exchange, left_menu: Callable[[Channel], None]) -> None:
        self._exchange = exchange
        self._left_menu = left_menu
        self._waiting: list[Waiting] = []

    def handle(
        self, method: str, channel_id: str, what: list[str], query: Given, body: Given
    ) -> Response | Waiting | None:
        """A request for one channel; None if it is not known."""
        exchange = self._exchange
        channel = exchange.channels.get(channel_id)
        if what == ["variable"]:
            return self._variable(method, channel, query, body)
        known = {
            ("GET",): self._show,
            ("DELETE",): self._hang_up,
            ("POST", "dial"): self._dial,
            ("POST", "answer"): self._answer,
            ("POST", "play"): self._play,
            ("POST", "continue"): self._continue,
            ("POST", "snoop"): self._snoop,
            ("POST", "ring"): self._indicate,
            ("DELETE", "ring"): self._indicate,
        }
        do = known.get((method, *what))
        if do is None:
            return None
        return do(channel, query, body) if channel is not None else NO_CHANNEL

    def originate(self, body: Given) -> Response:
        """POST /channels."""
        channel = self._made(body, originated=True)
        if isinstance(channel, Response):
            return channel
        exchange = self._exchange
        channel.display = _caller_id(body.get("callerId"))
        channel.connected = ("", "")
        channel.running = ("AppDial2", "(Outgoing Line)")
        exchange.begin(channel, float(body.get("timeout", 30)))
        return Response(200, channel.json())

    def create(self, body: Given) -> Response:
        """POST /channels/create."""
        channel = self._made(body, originated=False)
        if isinstance(channel, Response):
            return channel
        channel.created = True
        channel.display = channel.connected = _caller_id(channel.variables.get("CONNECTEDLINE(all)"))
        self._exchange.enter_soon(channel)
        return Response(200, channel.json())

    def _made(self, body: Given, *, originated: bool) -> Channel | Response:
        exchange = self._exchange
        channel_id, endpoint, app = str(body["channelId"]), str(body["endpoint"]), str(body["app"])
        if len(channel_id) > 149:
            return Response(500, {"error": "Allocation failed"})
        if exchange.taken(channel_id):
            return TAKEN
        route = exchange.directory.find(endpoint)
        if route is None:
            return ALLOCATION_FAILED
        resource = endpoint.removesuffix("/n")
        number, at, trunk = resource.partition("/")[2].partition("@")
        shown = resource if route.local else f"PJSIP/{trunk if at else number}"
        name = exchange.name(shown) + (";1" if route.local else "")
        channel = Channel(channel_id, name, exchange.timestamp(), endpoint)
        channel.stasis_app = app
        channel.app_args = tuple(str(body["appArgs"]).split(",")) if body.get("appArgs") else ()
        channel.variables = dict(body.get("variables") or {})
        channel.language = channel.variables.get("CHANNEL(language)", "en")
        exchange.channels[channel_id] = channel
        exchange.subscribe(channel, app)
        if route.local:
            local = Local(exchange, channel, route)
            channel.party = local
            if originated:
                exchange.subscribe(local.other, app)  # create tells of the first half only
        else:
            channel.party = Direct(exchange, channel, route.phone)
        return channel

    def break_off(self) -> None:
        """Asterisk has died: who still waits gets no answer."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.break_off()

    def _show(self, channel: Channel, _query: Given, _body: Given) -> Response:
        return Response(200, channel.json())

    def _hang_up(self, channel: Channel, query: Given, _body: Given) -> Response:
        reason = query.get("reason")
        cause = REASONS[reason] if reason is not None else int(query.get("reason_code", 16))
        self._exchange.hang_up(channel, cause)
        return DONE

    def _dial(self, channel: Channel, _query: Given, body: Given) -> Response:
        if channel.state != "Down" or channel.dialled:
            return Response(409, {"message": "Channel is not in the 'Down' state"})
        if not channel.in_stasis:
            return NOT_IN_STASIS
        self._exchange.begin(channel, float(body["timeout"]))
        return DONE

    def _answer(self, channel: Channel, _query: Given, _body: Given) -> Response | Waiting:
        if not channel.in_stasis:
            return NOT_IN_STASIS

        def pick_up() -> Response:
            if channel.state != "Up":
                channel.state = "Up"
                self._exchange.tell(channel, "ChannelStateChange")
                if channel.inbound and channel.party is not None and channel.party.speaker is not None:
                    channel.party.speaker.pick_up()
            return DONE

        return self.when_free(channel, pick_up)

    def _play(self, channel: Channel, _query: Given, body: Given) -> Response:
        if not channel.in_stasis:
            return NOT_IN_STASIS
        media = tuple(str(medium) for medium in body["media"])
        playback = self._exchange.player.play(
            channel, str(body["playbackId"]), media, str(body.get("lang", channel.language))
        )
        return Response(201, playback.json())

    def _continue(self, channel: Channel, _query: Given, _body: Given) -> Response:
        if not channel.in_stasis:
            return NOT_IN_STASIS
        self._exchange.player.queue(channel, lambda: self._go_on(channel))
        return DONE

    def _go_on(self, channel: Channel) -> None:
        """Out of Stasis. What did not come from the dialplan has nowhere to go, and is hung up."""
        exchange = self._exchange
        if channel.ending or not channel.in_stasis:
            return
        exchange.bridging.leave(channel)
        exchange.leave_stasis(channel)
        if channel.inbound:
            self._left_menu(channel)
        else:
            exchange.destroy(channel, 16)

    def _snoop(self, channel: Channel, _query: Given, body: Given) -> Response:
        exchange = self._exchange
        snoop_id = str(body["snoopId"])
        if exchange.taken(snoop_id):
            return TAKEN
        snoop = Channel(snoop_id, exchange.name(f"Snoop/{channel.id}"), exchange.timestamp(), "Snoop", state="Up")
        snoop.stasis_app = str(body["app"])
        snoop.app_args = tuple(str(body["appArgs"]).split(",")) if body.get("appArgs") else ()
        exchange.channels[snoop_id] = snoop
        channel.snoops.append(snoop)
        exchange.subscribe(snoop, snoop.stasis_app)
        exchange.enter_soon(snoop)
        return Response(200, snoop.json())

    def _indicate(self, channel: Channel, _query: Given, _body: Given) -> Response:
        return DONE if channel.in_stasis else NOT_IN_STASIS

    def _variable(self, method: str, channel: Channel | None, query: Given, body: Given) -> Response | None:
        if method == "GET":
            if channel is None:
                return Response(404, {"message": "Provided channel was not found"})
            value = self._value(channel, str(query["variable"]))
            if value is None:
                return Response(404, {"message": "Provided variable was not found"})
            return Response(200, {"value": value})
        if method == "POST":
            if channel is None:
                return NO_CHANNEL
            if not channel.in_stasis:
                return NOT_IN_STASIS
            channel.variables[str(body["variable"])] = str(body["value"])
            return DONE
        return None

    def _value(self, channel: Channel, name: str) -> str | None:
        if name.startswith("QUEUE_MEMBER("):
            queue, _, what = name.removeprefix("QUEUE_MEMBER(").removesuffix(")").partition(",")
            if what != "ready":
                raise Unsimulated(f"the simulated Asterisk has no {name}")
            found = self._exchange.directory.queues.get(queue)
            return str(len(found.available())) if found is not None else ""
        return channel.variables.get(name)

    def when_free(self, channel: Channel, do: Callable[[], Response]) -> Response | Waiting:
        """At once if the channel does nothing else; else after what it was asked for before."""
        if self._exchange.player.idle(channel):
            return do()
        waiting = Waiting()
        self._waiting = [each for each in self._waiting if each.waits]
        self._waiting.append(waiting)
        self._exchange.player.queue(channel, lambda: waiting.give(do()))
        return waiting


def _caller_id(text: object) -> tuple[str, str]:
    """`"Name" <number>` as name and number."""
    if not isinstance(text, str):
        return ("", "")
    name, _, number = text.rpartition("<")
    return (name.strip().strip('"'), number.rstrip(">"))
