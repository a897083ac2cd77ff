"""The phones and the world outside: a second Asterisk that the PBX calls over real SIP and RTP.

Each number behaves as Python says; what each phone saw and heard is written down, and that is the judge.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rig import audio, modules
from rig.ari import AriError, Json, Listener
from rig.instance import Asterisk
from rig.wire import Recording

APP = "phones"
UNALLOCATED = 1
BUSY = 17
REJECTED = 21


class CallGoneError(Exception):
    """The call has ended: there is nothing left to answer, press or play."""


class PhoneCall:
    """One call as one phone sees it. Instants are `time.monotonic`, taken when Python learns of them."""

    def __init__(self, phones: Phones, channel: Json, extension: str) -> None:
        self.extension = extension
        self.channel_id: str = channel["id"]
        self.caller_name: str = channel["caller"]["name"]
        self.caller_number: str = channel["caller"]["number"]
        self.arrived_at = time.monotonic()
        self.arrived = datetime.now(UTC)
        self.answered_at: float | None = None
        self.ended_at: float | None = None
        self.hangup_cause: int | None = None
        self.digits: list[tuple[float, str]] = []
        self._phones = phones
        self._answered = asyncio.Event()
        self._ended = asyncio.Event()
        self._digit = asyncio.Event()
        self._recording: Recording | None = None
        self._playbacks: dict[str, asyncio.Event] = {}
        self._followed = False

    def __repr__(self) -> str:
        return f"<call to {self.extension} from {self.caller_number!r}, cause {self.hangup_cause}>"

    # ---- what a person does with it ---------------------------------------------------------------------------

    async def ring(self) -> None:
        """180."""
        await self._do("POST", "ring")

    async def progress(self) -> None:
        """183: early media follows (see `play`)."""
        await self._do("POST", "progress")

    async def answer(self) -> None:
        """200; returns when the call is up."""
        await self._do("POST", "answer")
        await self._first_of(self._answered, 5.0, "never came up")
        if self._recording is not None:
            await self._bind_recording()

    async def press(self, digits: str, pause: float = 0.1, hold: float = 0.1) -> None:
        """Presses keys, each held for `hold` seconds, `pause` between them; returns when the last is released."""
        await self._do("POST", "dtmf", dtmf=digits, between=round(pause * 1000), duration=round(hold * 1000))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), len(digits) * hold + (len(digits) - 1) * pause)

    async def hangup(self, cause: int | None = None) -> None:
        """Ends it. Before the answer `cause` becomes the SIP response: 17 -> 486, 21 -> 403, 1 -> 404, 19 -> 480..."""
        query: dict[str, Any] = {} if cause is None else {"reason_code": cause}
        with contextlib.suppress(CallGoneError):
            await self._do("DELETE", "", **query)

    async def play(self, media: str, *, wait: bool = True) -> str:
        """Plays an Asterisk media URI (before the answer: early media); returns the playback's id when it has ended."""
        name = f"play-{next(self._phones.numbers):06d}"
        done = self._playbacks[name] = asyncio.Event()
        await self._do("POST", f"play/{name}", media=media)
        if wait:
            await self._first_of(done, 3600.0, "never stopped playing")
        return name

    async def tone(self, hertz: float, seconds: float, *, wait: bool = True) -> None:
        """Plays a sine."""
        name = f"tone-{hertz:.0f}-{seconds * 1000:.0f}"
        await self.play(self._phones.sound(name, audio.tone(hertz, seconds)), wait=wait)

    async def record(self) -> Recording:
        """Starts writing down what this phone hears from now on; at most one a call, so a second asks for the same."""
        if self._recording is None:
            self._recording = self._new_recording()
            if self.answered_at is not None:
                await self._bind_recording()
        return self._recording

    @property
    def recording(self) -> Recording:
        """What was recorded of it, also after its end. `record` must have been called."""
        if self._recording is None:
            raise LookupError(f"{self!r} was not recorded")
        return self._recording

    # ---- waiting ----------------------------------------------------------------------------------------------

    async def ended(self, timeout: float = 10.0) -> None:
        """Waits until the call is over."""
        async with _limit(timeout, f"{self!r} did not end within {timeout} s"):
            await self._ended.wait()

    async def answered(self, timeout: float = 10.0) -> None:
        """Waits until the call is up (somebody, or its behaviour, answered it)."""
        await self._first_of(self._answered, timeout, "was not answered")

    async def got_digits(self, wanted: str, timeout: float = 5.0) -> None:
        """Waits until the far end's digits, all of them together, are `wanted`."""
        async with _limit(timeout, f"{self!r} got the digits {self.dialled!r}, not {wanted!r}"):
            while self.dialled != wanted:
                self._digit.clear()
                await self._digit.wait()

    async def heard_sound(self, limit: float = 5.0) -> float:
        """Waits until this phone hears something; when it did. Records from here on if nothing did before."""
        return await (await self.record()).heard_sound(limit)

    async def heard_silence(self, seconds: float = 0.5, limit: float = 10.0) -> float:
        """Waits until this phone has heard nothing for `seconds`; when that silence began."""
        return await (await self.record()).heard_silence(seconds, limit)

    @property
    def dialled(self) -> str:
        """The digits that came from the far end."""
        return "".join(digit for _, digit in self.digits)

    @property
    def rang_for(self) -> float:
        """Seconds from its arrival to the answer, or to the end."""
        return (self.answered_at or self.ended_at or time.monotonic()) - self.arrived_at

    # ---- for Phones -------------------------------------------------------------------------------------------

    async def _do(self, method: str, what: str, **query: Any) -> Any:
        if self._ended.is_set():
            raise CallGoneError(repr(self))
        path = f"/channels/{self.channel_id}" + (f"/{what}" if what else "")
        try:
            return await self._phones.ari.request(method, path, **query)
        except AriError as error:
            if error.status in (404, 409, 412, 500):  # 500: the far end hangs up at this very moment
                raise CallGoneError(f"{self!r}: {error}") from error
            raise

    def _new_recording(self) -> Recording:
        return Recording(self._phones.slot.rtp_ports)

    async def _bind_recording(self) -> None:
        assert self._recording is not None
        answer = await self._do("GET", "variable", variable="CHANNEL(rtp,src)")
        self._recording.bind(int(answer["value"].rpartition(":")[2]))

    async def _first_of(self, event: asyncio.Event, timeout: float, complaint: str) -> None:
        wanted, gone = asyncio.create_task(event.wait()), asyncio.create_task(self._ended.wait())
        try:
            done, _ = await asyncio.wait({wanted, gone}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            wanted.cancel()
            gone.cancel()
        if event.is_set():
            return
        if not done:
            raise TimeoutError(f"{self!r} {complaint} within {timeout} s")
        raise CallGoneError(repr(self))

    async def follow(self) -> None:
        """Asks for the channel's events beyond its stay in Stasis: its end, and the cause, come after."""
        try:
            await self._phones.ari.request(
                "POST", f"/applications/{APP}/subscription", eventSource=f"channel:{self.channel_id}"
            )
        except AriError as error:
            raise CallGoneError(f"{self!r}: {error}") from error
        self._followed = True

    def learn(self, event: Json) -> None:
        """Takes one event of its channel."""
        now = time.monotonic()
        match event["type"]:
            case "ChannelStateChange" if event["channel"]["state"] == "Up" and self.answered_at is None:
                self.answered_at = now
                self._answered.set()
            case "ChannelDtmfReceived":
                self.digits.append((now, event["digit"]))
                self._digit.set()
            case "PlaybackFinished":
                if done := self._playbacks.get(event["playback"]["id"]):
                    done.set()
            case "ChannelDestroyed":
                self.finish(event.get("cause"))
            case "StasisEnd" if not self._followed:
                self.finish(event["channel"].get("hangup_cause"))

    def finish(self, cause: int | None) -> None:
        """It is over. Only the first end counts."""
        if self.ended_at is None:
            self.ended_at = time.monotonic()
            self.hangup_cause = cause
            if self._recording is not None:
                self._recording.stop()
            self._ended.set()


Behaviour = Callable[[PhoneCall], Awaitable[None]]


class Phones(Asterisk):
    """All the phones. `set` says how a number behaves; a number without a behaviour does not exist (404)."""

    modules = modules.PHONES
    kind_of_call = PhoneCall
    callers = "127.0.0.1"
    """The address or network from which these phones are called."""

    def __init__(self, root: Path, *, width: int = 1, verbose: bool = False) -> None:
        super().__init__(root, width=width, verbose=verbose)
        self.ari_user = "phones"
        self.numbers = itertools.count(1)
        self._behaviours: dict[str, Behaviour] = {}
        self._calls: list[PhoneCall] = []
        self._by_channel: dict[str, PhoneCall] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._failures: list[Exception] = []
        self._arrival = asyncio.Event()
        self._listener: Listener | None = None

    # ---- what tests use ---------------------------------------------------------------------------------------

    def set(self, number: str, behaviour: Behaviour) -> None:
        """From the next call on, `number` (as dialled, with its +) behaves so."""
        self._behaviours[number] = behaviour

    def unset(self, number: str) -> None:
        """`number` does not exist any more."""
        self._behaviours.pop(number, None)

    def calls(self, number: str | None = None) -> list[PhoneCall]:
        """Every call that number (or any) saw, oldest first."""
        return [call for call in self._calls if number in (None, call.extension)]

    def times_rung(self, number: str) -> int:
        """How often that phone was called."""
        return len(self.calls(number))

    async def call(self, number: str, nth: int = 1, timeout: float = 10.0) -> PhoneCall:
        """Waits for the `nth` call to that number."""
        async with _limit(timeout, f"{number} was called {self.times_rung(number)} times, not {nth}, in {timeout} s"):
            while self.times_rung(number) < nth:
                self._arrival.clear()
                await self._arrival.wait()
        return self.calls(number)[nth - 1]

    def check(self) -> None:
        """Raises what went wrong in behaviours since the last check."""
        failures, self._failures = self._failures, []
        if len(failures) == 1:
            raise failures[0]
        if failures:
            raise ExceptionGroup("several phones misbehaved", failures)

    def sound(self, name: str, sound: audio.Sound) -> str:
        """Makes `sound` playable here, once; returns its media URI."""
        folder = self.sounds / "rig"
        folder.mkdir(exist_ok=True)
        if not (folder / f"{name}.wav").exists():
            sound.write(folder / f"{name}.wav")
        return f"sound:rig/{name}"

    def load_log(self) -> list[tuple[str, float]]:
        """What the dialplan's own phones saw (7xxxx, 8xxxx and +1999...): (extension, epoch seconds), oldest first."""
        return self._load_log("load.csv")

    def load_ends(self) -> list[tuple[str, float]]:
        """As `load_log`: when the calls of the dialplan's own agents (7xxxx and 8xxxx) ended."""
        return self._load_log("load-ends.csv")

    def load_progress(self) -> tuple[int, int]:
        """How many calls the dialplan's own phones have seen, and how many of the agents' have ended. Cheap."""
        paths = [self.home / "log" / name for name in ("load.csv", "load-ends.csv")]
        begun, ended = (path.read_bytes().count(b"\n") if path.exists() else 0 for path in paths)
        return begun, ended

    def _load_log(self, name: str) -> list[tuple[str, float]]:
        path = self.home / "log" / name
        if not path.exists():
            return []
        pairs = (line.split(",") for line in path.read_text().split() if line.count(",") == 1)
        return sorted(((number, float(at)) for number, at in pairs), key=lambda pair: pair[1])

    async def dial(self, uri: str, caller: str, behaviour: Behaviour, *, timeout: int = 30) -> PhoneCall:
        """A phone calls somebody: `uri` is a SIP URI of the PBX. `behaviour` runs when the far end has answered."""
        channel_id = f"rig-out-{next(self.numbers):06d}"
        key = f"out:{channel_id}"
        self._behaviours[key] = behaviour
        await self.ari.request(
            "POST",
            "/channels",
            endpoint=f"PJSIP/pbx/{uri}",
            app=APP,
            appArgs=key,
            callerId=caller,
            timeout=timeout,
            channelId=channel_id,
        )
        return await self.call(key, timeout=timeout)

    async def reset(self) -> None:
        """Hangs up, forgets all calls, behaviours and failures."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self.hang_up_all()
        for call in self._calls:
            call.finish(None)
        self._behaviours.clear()
        self._calls.clear()
        self._by_channel.clear()
        self._failures.clear()
        for name in ("load.csv", "load-ends.csv"):
            (self.home / "log" / name).unlink(missing_ok=True)
        if self._listener is None or not self._listener.alive:
            self._listener = await self.events(APP, self._event)

    # ---- life -------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Starts it and takes its calls."""
        await super().start()
        if self._listener is None or not self._listener.alive:
            self._listener = await self.events(APP, self._event)

    async def _disconnect(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._listener is not None:
            await self._listener.close()
            self._listener = None
        for call in self._calls:
            call.finish(None)
        await super()._disconnect()

    def _event(self, event: Json) -> None:
        match event["type"]:
            case "StasisStart":
                self._arrived(event["channel"], event["args"][0])
            case "PlaybackFinished" | "PlaybackStarted":
                channel = event["playback"]["target_uri"].removeprefix("channel:")
                if call := self._by_channel.get(channel):
                    call.learn(event)
            case _ if "channel" in event:
                if call := self._by_channel.get(event["channel"]["id"]):
                    call.learn(event)
            case _:
                pass

    def _arrived(self, channel: Json, extension: str) -> None:
        call = self.kind_of_call(self, channel, extension)
        if channel["state"] == "Up":
            call.learn({"type": "ChannelStateChange", "channel": channel})
        self._calls.append(call)
        self._by_channel[call.channel_id] = call
        self._arrival.set()
        task = asyncio.create_task(self._behave(call))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _behave(self, call: PhoneCall) -> None:
        try:
            await call.follow()
            behaviour = self._behaviours.get(call.extension)
            if behaviour is None:
                await call.hangup(UNALLOCATED)
            else:
                await behaviour(call)
        except CallGoneError:
            pass  # the caller hung up first: a fact for the test to judge, no failure of the rig
        except Exception as failure:
            self._failures.append(failure)
            with contextlib.suppress(Exception):
                await call.hangup()

    def files(self) -> dict[str, str]:
        """SIP from anybody on this machine; every number is a phone."""
        log = f"{self.inner_home}/log/load.csv"
        ends = f"{self.inner_home}/log/load-ends.csv"
        return {
            "pjsip.conf": (
                f"[global]\ntype=global\nuser_agent=rig-phones\n"
                f"[udp]\ntype=transport\nprotocol=udp\nbind={self.address}:{self.sip_port}\n"
                "[pbx]\ntype=endpoint\ncontext=phones\ndisallow=all\nallow=ulaw\ndirect_media=no\n"
                "dtmf_mode=rfc4733\ntrust_id_inbound=yes\naors=pbx\n"
                "[pbx]\ntype=aor\n"
                f"[pbx]\ntype=identify\nendpoint=pbx\nmatch={self.callers}\n"
            ),
            "extensions.conf": f"""[general]
[globals]
[phones]
; Load tests: agents that need no Python. They answer, listen a moment, press 1 and stay until they are hung up.
exten => _7XXXX,1,Set(FILE({log},,,al,u)=${{EXTEN}},${{STRFTIME(,,%s.%3q)}})
 same => n,Set(CHANNEL(hangup_handler_push)=agent-ended,s,1(${{EXTEN}}))
 same => n,Answer()
 same => n,Wait(0.2)
 same => n,SendDTMF(1)
 same => n,Wait(3600)
; The same, but nobody knows when they press it: 0.2 to 1.2 s after their answer.
exten => _8XXXX,1,Set(FILE({log},,,al,u)=${{EXTEN}},${{STRFTIME(,,%s.%3q)}})
 same => n,Set(CHANNEL(hangup_handler_push)=agent-ended,s,1(${{EXTEN}}))
 same => n,Answer()
 same => n,Wait(${{MATH(${{RAND(200,1200)}}/1000,f)}})
 same => n,SendDTMF(1)
 same => n,Wait(3600)
; As the first, but they press 9 too, half a second later.
exten => _9XXXX,1,Set(FILE({log},,,al,u)=${{EXTEN}},${{STRFTIME(,,%s.%3q)}})
 same => n,Set(CHANNEL(hangup_handler_push)=agent-ended,s,1(${{EXTEN}}))
 same => n,Answer()
 same => n,Wait(0.2)
 same => n,SendDTMF(1)
 same => n,Wait(0.5)
 same => n,SendDTMF(9)
 same => n,Wait(3600)
; Load tests: clients who are busy.
exten => _+1999.,1,Set(FILE({log},,,al,u)=${{EXTEN}},${{STRFTIME(,,%s.%3q)}})
 same => n,Hangup(17)
; More of them: those who answer and hang up a second later, who never answer, and who are busy when they are first
; called, but answer the next time and press 2.
exten => _+1998.,1,Set(FILE({log},,,al,u)=${{EXTEN}},${{STRFTIME(,,%s.%3q)}})
 same => n,Answer()
 same => n,Wait(1)
 same => n,Hangup()
exten => _+1997.,1,Set(FILE({log},,,al,u)=${{EXTEN}},${{STRFTIME(,,%s.%3q)}})
 same => n,Ringing()
 same => n,Wait(3600)
exten => _+1996.,1,Set(FILE({log},,,al,u)=${{EXTEN}},${{STRFTIME(,,%s.%3q)}})
 same => n,GotoIf($["${{GLOBAL(rung-${{EXTEN:1}})}}" = "1"]?again)
 same => n,Set(GLOBAL(rung-${{EXTEN:1}})=1)
 same => n,Hangup(17)
 same => n(again),Answer()
 same => n,Wait(0.3)
 same => n,SendDTMF(2)
 same => n,Wait(3600)
; Everybody else: what Python says.
exten => _X.,1,Stasis({APP},${{EXTEN}})
 same => n,Hangup()
exten => _+X.,1,Stasis({APP},${{EXTEN}})
 same => n,Hangup()
[agent-ended]
exten => s,1,Set(FILE({ends},,,al,u)=${{ARG1}},${{STRFTIME(,,%s.%3q)}})
 same => n,Return()
""",
        }


@contextlib.asynccontextmanager
async def _limit(seconds: float, complaint: str) -> Any:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise TimeoutError(complaint) from None
