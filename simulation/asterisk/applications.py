"""Stasis applications: who listens, what they are told, and what survives the end of a websocket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Event = dict[str, Any]


class Session:
    """Asterisk's end of one websocket. `replaced`: open still, and deaf. `closed` is called if Asterisk ends it."""

    __slots__ = ("_applications", "app", "closed", "closed_for_good", "replaced", "send")

    def __init__(
        self,
        applications: Applications,
        app: str,
        send: Callable[[Mapping[str, Any]], None],
        closed: Callable[[str], None],
    ) -> None:
        self._applications = applications
        self.app = app
        self.send = send
        self.closed = closed
        self.replaced = False
        self.closed_for_good = False

    def close(self) -> None:
        """The daemon's end is gone: the application has nobody, unless another took it."""
        self.closed_for_good = True
        self._applications.leave(self)


class Application:
    """One application. It lives on without a session while channels belong to it, its event filter with it."""

    __slots__ = ("channels", "disallowed", "name", "session")

    def __init__(self, name: str) -> None:
        self.name = name
        self.session: Session | None = None
        self.channels: dict[str, None] = {}
        self.disallowed: frozenset[str] = frozenset()

    def send(self, event: Event) -> None:
        """Tell whoever listens; lost if nobody does."""
        if self.session is not None and event["type"] not in self.disallowed:
            event["application"] = self.name
            self.session.send(event)


class Applications:
    """All that Asterisk knows of. Subscriptions to device states are kept by name, whatever becomes of the rest."""

    def __init__(self, timestamp: Callable[[], str], now: Callable[[], float]) -> None:
        self._known: dict[str, Application] = {}
        self._devices: dict[str, dict[str, None]] = {}
        self._timestamp = timestamp
        self._now = now
        self._left_at: dict[str, float] = {}

    def find(self, name: str) -> Application | None:
        """The application, if it is registered or channels keep it."""
        return self._known.get(name)

    def active(self, name: str) -> bool:
        """Somebody listens."""
        app = self._known.get(name)
        return app is not None and app.session is not None

    def alone_for(self, name: str) -> float:
        """Seconds since somebody listened; 0 while somebody does."""
        return 0.0 if self.active(name) else self._now() - self._left_at.get(name, 0.0)

    def join(self, name: str, send: Callable[[Mapping[str, Any]], None], closed: Callable[[str], None]) -> Session:
        """A websocket for it. Whoever had it is told that they are replaced, and is told nothing ever after."""
        app = self._known.setdefault(name, Application(name))
        if app.session is not None:
            app.session.replaced = True
            app.session.send({"type": "ApplicationReplaced", "application": name, "timestamp": self._timestamp()})
        app.session = Session(self, name, send, closed)
        return app.session

    def leave(self, session: Session) -> None:
        """A websocket's end."""
        app = self._known.get(session.app)
        if app is not None and app.session is session:
            app.session = None
            self._left_at[app.name] = self._now()
            self._forget(app)

    def add(self, name: str, channel: str) -> bool:
        """The channel's events are this application's from now on. False if there is no such application."""
        app = self._known.get(name)
        if app is not None:
            app.channels[channel] = None
        return app is not None

    def remove(self, name: str, channel: str) -> None:
        """They are no more."""
        app = self._known.get(name)
        if app is not None:
            app.channels.pop(channel, None)
            self._forget(app)

    def devices(self, name: str) -> dict[str, None]:
        """The devices whose states it is told."""
        return self._devices.setdefault(name, {})

    def device_changed(self, device: str, state: str) -> None:
        """Tell those who asked for it."""
        for name, devices in self._devices.items():
            app = self._known.get(name)
            if device in devices and app is not None:
                app.send(
                    {
                        "type": "DeviceStateChanged",
                        "timestamp": self._timestamp(),
                        "device_state": {"name": device, "state": state},
                    }
                )

    def clear(self) -> None:
        """Asterisk is gone."""
        self._left_at.update((name, self._now()) for name in self._known if self.active(name))
        self._known.clear()
        self._devices.clear()

    def _forget(self, app: Application) -> None:
        if app.session is None and not app.channels:
            self._known.pop(app.name, None)
