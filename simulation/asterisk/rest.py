"""Asterisk's REST interface: exactly the requests that callbackd makes, with the answers that were measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from callbackd.ari.transport import Json, Response
from simulation.asterisk.answers import DONE, NO_APPLICATION, NO_BRIDGE, NO_PLAYBACK, Unsimulated, Waiting
from simulation.asterisk.applications import Application
from simulation.asterisk.channels import Bridge, Channel
from simulation.asterisk.exchange import Exchange
from simulation.asterisk.rest_channels import ChannelDesk

Given = Mapping[str, Any]

MODULES = ("res_ari.so", "res_stasis.so", "res_pjsip.so", "app_queue.so")

VERSION = "22.10.1"
OLD_VERSION = "20.5.0"


class Desk:
    """Where requests arrive. `left_menu` is told of callers who go on in the dialplan."""

    def __init__(self, exchange: Exchange, left_menu: Callable[[Channel], None]) -> None:
        self.started_at = ""
        self._exchange = exchange
        self._channels = ChannelDesk(exchange, left_menu)

    def handle(self, method: str, path: str, query: Given, body: Given) -> Response | Waiting:
        """Raises Unsimulated for all others."""
        segments = path.split("/")[1:]
        if "%" in path:
            segments = [unquote(segment) for segment in segments]
        match method, segments:
            case "POST", ["channels"]:
                return self._channels.originate(body)
            case "POST", ["channels", "create"]:
                return self._channels.create(body)
            case "GET", ["channels"]:
                return Response(200, [channel.json() for channel in self._exchange.channels.values()])
            case _, ["channels", channel_id, *what]:
                found = self._channels.handle(method, channel_id, what, query, body)
            case _, ["bridges", *what]:
                found = self._bridge(method, what, body)
            case "GET", ["playbacks", playback_id]:
                playback = self._exchange.player.find(playback_id)
                return NO_PLAYBACK if playback is None else Response(200, playback.json())
            case "DELETE", ["playbacks", playback_id]:
                return self._stop(playback_id)
            case _, ["applications", name, *what]:
                found = self._application(method, name, what, query, body)
            case "POST", ["events", "user", name]:
                return self._user_event(name, query, body)
            case _:
                found = self._about(method, segments, query)
        if found is None:
            raise Unsimulated(f"the simulated Asterisk has no {method} {path}")
        return found

    def break_off(self) -> None:
        """Asterisk has died: who still waits gets no answer."""
        self._channels.break_off()

    # Bridges

    def _bridge(self, method: str, what: list[str], body: Given) -> Response | Waiting | None:
        exchange = self._exchange
        match method, what:
            case "GET", []:
                return Response(200, [bridge.json() for bridge in exchange.bridging.bridges.values()])
            case "POST", []:
                bridge_id = str(body["bridgeId"])
                if bridge_id in exchange.bridging.bridges:
                    text = f"Unable to create bridge. Possible duplicate bridge id '{bridge_id}'"
                    return Response(500, {"message": text})
                digits = "dtmf_events" in str(body["type"]).split(",")
                bridge = Bridge(bridge_id, str(body.get("name", "")), digits, exchange.timestamp())
                exchange.bridging.bridges[bridge_id] = bridge
                return Response(200, bridge.json())
            case "DELETE", [bridge_id]:
                if bridge_id not in exchange.bridging.bridges:
                    return NO_BRIDGE
                exchange.bridging.dissolve(exchange.bridging.bridges[bridge_id])
                return DONE
            case "POST", [bridge_id, "addChannel"]:
                return self._add(bridge_id, [str(each) for each in body["channel"]])
        return None

    def _add(self, bridge_id: str, names: list[str]) -> Response | Waiting:
        exchange = self._exchange
        bridge = exchange.bridging.bridges.get(bridge_id)
        if bridge is None:
            return NO_BRIDGE
        found: Response | Waiting = DONE
        for name in names:
            channel = exchange.channels.get(name)
            if channel is None:
                return Response(400, {"message": "Channel not found"})
            if not channel.in_stasis:
                return Response(422, {"message": "Channel not in Stasis application"})
            found = self._channels.when_free(channel, lambda each=channel: self._enter(bridge, each))  # type: ignore[misc]
        return found

    def _enter(self, bridge: Bridge, channel: Channel) -> Response:
        if not channel.ending:
            self._exchange.bridging.enter(bridge, channel)
        return DONE

    # The rest

    def _stop(self, playback_id: str) -> Response:
        player = self._exchange.player
        playback = player.find(playback_id)
        if playback is None:
            return NO_PLAYBACK
        return DONE if player.stop(playback) else Response(500, {"message": "Could not stop playback"})

    def _application(self, method: str, name: str, what: list[str], query: Given, body: Given) -> Response | None:
        known = (("GET",), ("PUT", "eventFilter"), ("POST", "subscription"), ("DELETE", "subscription"))
        if (method, *what) not in known:
            return None
        applications = self._exchange.applications
        app = applications.find(name)
        if app is None:
            return NO_APPLICATION
        if method == "PUT":
            app.disallowed = frozenset(str(each["type"]) for each in body["disallowed"])
        elif what == ["subscription"]:
            source = str(body["eventSource"] if method == "POST" else query["eventSource"])
            kind, _, device = source.partition(":")
            if kind != "deviceState":
                raise Unsimulated(f"the simulated Asterisk has no event source {source}")
            devices = applications.devices(name)
            if method == "DELETE":
                if device not in devices:
                    return Response(422, {"message": "Event source was not subscribed to"})
                del devices[device]
            else:
                devices[device] = None
        return Response(200, self._shown(app))

    def _shown(self, app: Application) -> dict[str, Any]:
        return {
            "name": app.name,
            "channel_ids": list(app.channels),
            "bridge_ids": [],
            "endpoint_ids": [],
            "device_names": list(self._exchange.applications.devices(app.name)),
            "events_allowed": [],
            "events_disallowed": [{"type": kind} for kind in sorted(app.disallowed)],
        }

    def _user_event(self, name: str, query: Given, body: Given) -> Response:
        app = self._exchange.applications.find(str(query["application"]))
        if app is None:
            return NO_APPLICATION
        variables = {**(body.get("variables") or {}), "eventname": name}
        app.send(
            {
                "type": "ChannelUserevent",
                "timestamp": self._exchange.timestamp(),
                "eventname": name,
                "userevent": variables,
            }
        )
        return DONE

    def _about(self, method: str, segments: list[str], query: Given) -> Response | None:
        match method, segments:
            case "GET", ["asterisk", "info"]:
                version = OLD_VERSION if self._exchange.old else VERSION
                return Response(
                    200,
                    {
                        "system": {"version": version, "entity_id": "02:00:00:00:00:01"},
                        "status": {"startup_time": self.started_at, "last_reload_time": self.started_at},
                    },
                )
            case "GET", ["api-docs", _]:  # a package without documentation: the version has to do
                return Response(404, {"message": "Invalid URI"})
            case "GET", ["asterisk", "modules"]:
                return Response(200, [{"name": name, "status": "Running"} for name in MODULES])
            case "GET", ["deviceStates", device]:
                return Response(200, {"name": device, "state": self._device(device)})
            case "GET", ["sounds"]:
                language = str(query.get("lang", "en"))
                sounds: list[Json] = [_sound("beep"), _sound("digits/1")]
                return Response(200, sounds) if language == "en" else Response(404, {"message": "No sounds found"})
            case "GET", ["sounds", sound]:
                missing = self._exchange.player.lacks(sound)
                return Response(404, {"message": "Sound not found"}) if missing else Response(200, _sound(sound))
        return None

    def _device(self, device: str) -> str:
        kind, _, name = device.partition(":")
        if kind == "Queue":
            queue = name.removesuffix("_avail")
            if queue not in self._exchange.directory.queues:
                return "INVALID"
            return "NOT_INUSE" if self._exchange.queue_states.get(queue, False) else "INUSE"
        phone = self._exchange.directory.phones.get(device.removeprefix("PJSIP/"))
        if phone is None:
            return "INVALID"
        if not phone.registered:
            return "UNAVAILABLE"
        return "INUSE" if phone.busy else "NOT_INUSE"


def _sound(name: str) -> dict[str, Any]:
    return {"id": name, "formats": [{"language": "en", "format": "wav"}]}
