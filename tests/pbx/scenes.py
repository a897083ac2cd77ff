"""One callbackd with a call-back in every state of PRODUCT.md at once, for faults that strike them all.

    stage = Stage(company)
    await stage.opens(ALL)                # a profile, an agent and a client for each scene
    await stage.set()                     # every scene is in its state
    ...                                   # the fault
    await stage.judge(Fault.KILLED, subtests)

Each scene says for itself what its phones must have seen. Behind each number waits, from the second call on, somebody
who does what is hoped for: the agent presses 1, the client answers and talks a moment.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, ClassVar

import pytest

from callbackd.domain.limits import VANISHED_WITHIN
from callbackd.domain.rest import CONVERSATION
from rig.behaviours import FOR_EVER, answers, busy, hears, in_turn, presses, rings_for_ever, says_nothing, talks
from rig.daemon import Json, RefusedError
from rig.phones import Behaviour, PhoneCall
from tests.pbx.company import (
    CLIENT_VOICE,
    MARKED,
    Company,
    client,
    expect,
    heard,
    hears_mark,
    instant,
    profile,
    reschedules,
    speaking_agent,
)

LONG_SPEECH = "sound:demo-congrats"
"""One of Asterisk's own that goes on for half a minute."""

SPEECH = "sound:vm-intro"
"""Another, of six seconds."""

HELD = "2m"
"""A ring time-out that does not strike."""

KEY_HELD = "1m"
"""The same for a wait for a key: the longest there is."""

DOWN_WITHIN = 3.0
"""Seconds after the link is ready until a leg that may not stay is gone."""


class Fault(StrEnum):
    """What befell all scenes, as far as it matters to them."""

    KILLED = "callbackd was killed and started again"
    CRASHED = "Asterisk was killed and started again"
    LOST = "the link was lost and came back"
    NONE = "nothing was lost after all"


class Scene:
    """One call-back in one state. `late`: set last, shortly before the fault; `early`: long before it."""

    early: ClassVar[bool] = False
    late: ClassVar[bool] = False

    def __init__(self, company: Company, number: int) -> None:
        self.company = company
        self.phones = company.phones
        self.agent = f"20{number:02d}"
        self.client = f"+1416555{5000 + number}"
        self.asked = ""

    @classmethod
    def title(cls) -> str:
        """As its docstring has it."""
        return (cls.__doc__ or cls.__name__).partition("\n")[0].rstrip(".")

    @property
    def profile(self) -> str:
        """The profile's id."""
        return f"scene-{self.agent}"

    def rules(self, **changes: Any) -> Json:
        """The profile: quick to try again, with time-outs that do not strike."""
        for section, settings in (
            ("target", {"endpoint": f"PJSIP/{self.agent}@phones"}),
            ("agent", {"ring": HELD, "key_wait": KEY_HELD, "retry_delay": "1s", "after_failure": "1s"}),
            ("client", {"ring": HELD}),
            ("rescheduling", {"delay": "1s"}),
        ):
            changes[section] = {**settings, **changes.get(section, {})}
        return profile(**changes)

    def inbound(self) -> str:
        """Dialplan for callers from outside."""
        return ""

    async def set(self) -> None:
        """Bring it to its state."""
        raise NotImplementedError

    async def during(self) -> None:
        """What people do while callbackd can't see them."""

    async def judge(self, fault: Fault) -> None:
        """Raises `AssertionError` if its phones saw what they should not have."""
        raise NotImplementedError

    # ---- for scenes -------------------------------------------------------------------------------------------

    async def asks(self, agent: Behaviour, client: Behaviour, **more: Any) -> str:
        """The client asks. So do agent and client behave at their first call; then they do what is hoped for."""
        self.phones.set(self.agent, in_turn(agent, presses("1", after=0.2)))
        self.phones.set(self.client, in_turn(client, talks(0.3)))
        self.asked = await self.company.asks(self.client, self.profile, **more)
        return self.asked

    async def desk(self, nth: int = 1) -> PhoneCall:
        """The agent's phone as it is rung for the nth time."""
        return await self.phones.call(self.agent, nth)

    async def caller(self, nth: int = 1) -> PhoneCall:
        """The client's."""
        return await self.phones.call(self.client, nth)

    async def taken_down(self, *calls: PhoneCall) -> None:
        """These go."""
        for call in calls:
            await call.ended(DOWN_WITHIN)

    async def over(self, state: str, *, agent: int, client: int, within: float = 20.0) -> Json:
        """It ends so, and so often each phone was rung."""
        shown = await self.company.daemon.until(self.asked, lambda shown: shown["ended_at"] is not None, within)
        rung = (self.phones.times_rung(self.agent), self.phones.times_rung(self.client))
        assert (shown["state"], rung) == (state, (agent, client)), shown
        return shown

    def again_after(self, shown: Json, seconds: float) -> None:
        """The second attempt began so long after the end of the first, or soon after."""
        first, second = shown["attempts"][:2]
        gap = (instant(second["started_at"]) - instant(first["ended_at"])).total_seconds()
        assert seconds - 0.01 <= gap < seconds + 4.0, gap


def client_who_answers_at(moment: asyncio.Event, *, rings: bool = True) -> Behaviour:
    """Rings until then, or gives no sign, answers and speaks. Recorded from the answer on."""

    async def behave(call: PhoneCall) -> None:
        if rings:
            await call.ring()
        await moment.wait()
        await call.record()
        await call.answer()
        while True:
            await call.tone(CLIENT_VOICE, 5.0)

    return behave


class Scheduled(Scene):
    """Scheduled."""

    async def set(self) -> None:
        await self.asks(presses("1", after=0.2), busy(), not_before="2099-01-01T00:00:00Z")

    async def judge(self, fault: Fault) -> None:
        shown = await self.company.state(self.asked, "scheduled")
        assert (shown["due_at"], shown["attempts"]) == ("2099-01-01T00:00:00.000Z", [])
        assert self.phones.times_rung(self.agent) == 0
        self.phones.set(self.client, talks(0.3))
        now = {"at": "2000-01-01T00:00:00Z"}
        await self.company.daemon.call("POST", f"/callbacks/{self.asked}/reschedule", now)
        await self.over("completed", agent=1, client=1)


class Queued(Scene):
    """Queued behind another for whom the agent is rung."""

    async def set(self) -> None:
        self.other = f"{self.client[:-4]}9{self.client[-3:]}"
        self.phones.set(self.other, talks(0.3))
        await self.asks(rings_for_ever(), talks(0.3))
        await self.desk()
        self.queued = await self.company.asks(self.other, self.profile)
        await self.company.state(self.queued, "queued")

    async def judge(self, fault: Fault) -> None:
        [first] = self.phones.calls(self.agent)[:1]
        if fault is not Fault.CRASHED:
            await self.taken_down(first)
        shown = await self.company.daemon.until(self.queued, lambda shown: shown["ended_at"] is not None)
        assert (shown["state"], len(shown["attempts"])) == ("completed", 1)
        await self.over("completed", agent=3, client=1)
        assert self.phones.times_rung(self.other) == 1
        _, one, two = self.phones.calls(self.agent)
        assert one.ended_at is not None
        assert two.arrived_at >= one.ended_at, "one at a time"


class AgentRings(Scene):
    """The agent's phone rings."""

    async def set(self) -> None:
        await self.asks(rings_for_ever(), talks(0.3))
        await self.desk()
        await self.company.state(self.asked, "agent")

    async def judge(self, fault: Fault) -> None:
        desk = await self.desk()
        if fault is Fault.NONE:
            await desk.answer()
            await desk.press("1")
            await self.over("completed", agent=1, client=1)
            return
        if fault is not Fault.CRASHED:
            await self.taken_down(desk)
        shown = await self.over("completed", agent=2, client=1)
        expect(shown, 1, kind="request", outcome="interrupted", counted=False)
        expect(shown, 2, kind="request", outcome="answered")
        assert reschedules(shown) == (0, 0, 0)
        self.again_after(shown, 1.0)


class AgentListens(AgentRings):
    """The agent listens to the choices."""

    async def set(self) -> None:
        await self.asks(hears(answers()), talks(0.3))
        await hears_mark(await self.desk(), "agent-choices", within=15.0)

    async def judge(self, fault: Fault) -> None:
        assert fault is not Fault.NONE
        await super().judge(fault)


class ClientDialled(Scene):
    """After key 1, before the client's phone rings."""

    client_does: Behaviour = staticmethod(says_nothing())

    async def set(self) -> None:
        await self.asks(presses("1", after=0.2), self.client_does)
        await self.caller()
        await self.company.state(self.asked, "client")

    async def judge(self, fault: Fault) -> None:
        desk, caller = await self.desk(), await self.caller()
        if fault in (Fault.LOST, Fault.NONE):
            await asyncio.sleep(0.5)
            assert (desk.ended_at, caller.ended_at) == (None, None), "neither is cut off"
            await caller.answer()
            await self.company.state(self.asked, "connected")
            await caller.hangup()
            await self.over("completed", agent=1, client=1)
            return
        if fault is Fault.KILLED:
            await self.taken_down(desk, caller)
        shown = await self.over("completed", agent=2, client=2)
        expect(shown, 1, outcome="interrupted", counted=True)
        expect(shown, 2, kind="auto", outcome="answered")
        assert reschedules(shown) == (1, 0, 0)
        self.again_after(shown, 1.0)


class ClientRings(ClientDialled):
    """The client's phone rings."""

    client_does = staticmethod(rings_for_ever())


class ClientRingsNine(ClientRings):
    """The client's phone rings, and the agent has pressed 9."""

    async def set(self) -> None:
        await super().set()
        await (await self.desk()).press("9")
        await self.company.daemon.until(self.asked, lambda shown: shown["attempts"][0]["armed"])

    async def judge(self, fault: Fault) -> None:
        if fault in (Fault.LOST, Fault.NONE):
            await (await self.desk()).hangup()
            shown = await self.over("completed", agent=2, client=2)
            expect(shown, 1, outcome="agent_rescheduled", counted=True)
        else:
            shown = await self.over("completed", agent=2, client=2)
            expect(shown, 1, outcome="interrupted", counted=True, armed=True)
        expect(shown, 2, kind="agent", outcome="answered")
        assert reschedules(shown) == (0, 1, 0)


class Talking(Scene):
    """The two talk, not yet for 10 s."""

    late = True
    presses_nine = False

    async def set(self) -> None:
        await self.asks(speaking_agent("1"), client())
        desk, caller = await self.desk(), await self.caller()
        await self.company.state(self.asked, "connected")
        await hears_mark(desk, "client")
        await hears_mark(caller, "agent")
        if self.presses_nine:
            await desk.press("9")
            await self.company.daemon.until(self.asked, lambda shown: shown["attempts"][0]["armed"])
            await hears_mark(desk, "client")

    async def not_cut_off(self) -> tuple[PhoneCall, PhoneCall]:
        """They talk on; agent and client."""
        await self.company.state(self.asked, "connected")
        desk, caller = await self.desk(), await self.caller()
        await asyncio.sleep(VANISHED_WITHIN.total_seconds())  # a cut would have come; and who talks so long has talked
        assert (desk.ended_at, caller.ended_at) == (None, None), "not cut off"
        assert "client" in heard(desk, time.monotonic() - 1.0), desk
        assert "agent" in heard(caller, time.monotonic() - 1.0), caller
        return desk, caller

    async def judge(self, fault: Fault) -> None:
        if fault is Fault.CRASHED:
            shown = await self.over("completed", agent=2, client=2)
            expect(shown, 1, outcome="interrupted", counted=True)
            expect(shown, 2, kind="auto", outcome="answered")
            return
        desk, caller = await self.not_cut_off()
        await caller.hangup()
        shown = await self.over("completed", agent=1, client=1)
        assert desk.ended_at is not None
        expect(shown, 1, outcome="answered", counted=True)


class TalkingLong(Talking):
    """The two talk, for more than 10 s."""

    early, late = True, False

    async def judge(self, fault: Fault) -> None:
        if fault is not Fault.CRASHED:
            desk, caller = await self.not_cut_off()
            await desk.hangup()
            await self.taken_down(caller)
        shown = await self.over("completed", agent=1, client=1)
        expect(shown, 1, outcome="answered", counted=True)


class TalkingNine(Talking):
    """The two talk, not yet for 10 s, and the agent has pressed 9."""

    presses_nine = True

    async def judge(self, fault: Fault) -> None:
        outcome = "interrupted" if fault is Fault.CRASHED else "agent_rescheduled"
        if fault is not Fault.CRASHED:
            desk, caller = await self.not_cut_off()
            await desk.hangup()
            await self.taken_down(caller)
        shown = await self.over("completed", agent=2, client=2)
        expect(shown, 1, outcome=outcome, counted=True, armed=True)
        expect(shown, 2, kind="agent", outcome="answered")
        assert reschedules(shown) == (0, 1, 0)
        self.again_after(shown, 1.0)


class TalkingLongNine(TalkingNine):
    """The two talk, for more than 10 s, and the agent has pressed 9."""

    early, late = True, False

    async def judge(self, fault: Fault) -> None:
        if fault is not Fault.CRASHED:
            await super().judge(fault)
            return
        shown = await self.over("completed", agent=2, client=2)
        expect(shown, 1, outcome="agent_rescheduled", counted=True)
        expect(shown, 2, kind="agent", outcome="answered")


class TalkingThenNine(Talking):
    """The two talk; 9 is pressed when callbackd sees them again."""

    async def judge(self, fault: Fault) -> None:
        desk, caller = await self.not_cut_off()
        await desk.press("9")
        await self.company.daemon.until(self.asked, lambda shown: shown["attempts"][0]["armed"])
        await desk.hangup()
        await self.taken_down(caller)
        shown = await self.over("completed", agent=2, client=2)
        expect(shown, 1, outcome="agent_rescheduled")
        expect(shown, 2, kind="agent", outcome="answered")


class OneLeaves(Talking):
    """The two talk; the client hangs up while callbackd does not see it."""

    async def during(self) -> None:
        await (await self.caller()).hangup()

    async def judge(self, fault: Fault) -> None:
        await self.taken_down(await self.desk())
        first = (await self.company.attempt_over(self.asked, clean=False))["attempts"][0]
        talked = instant(first["ended_at"]) - instant(first["client_answered_at"])
        if fault is Fault.KILLED and talked < CONVERSATION:  # until it was seen again
            shown = await self.over("completed", agent=2, client=2)
            expect(shown, 1, outcome="interrupted", counted=True)
        else:
            shown = await self.over("completed", agent=1, client=1)
            expect(shown, 1, outcome="answered")


class AnsweredUnseen(Talking):
    """The client's phone rings, and is answered while callbackd does not see it."""

    late = False

    async def set(self) -> None:
        self.picked_up = asyncio.Event()
        await self.asks(speaking_agent("1"), client_who_answers_at(self.picked_up))
        await self.caller()
        await self.company.state(self.asked, "client")

    async def during(self) -> None:
        self.picked_up.set()
        await (await self.caller()).answered()

    async def judge(self, fault: Fault) -> None:
        desk, caller = await self.not_cut_off()
        await caller.hangup()
        shown = await self.over("completed", agent=1, client=1)
        assert desk.ended_at is not None
        expect(shown, 1, outcome="answered", client_outcome="answered", counted=True)


class AnsweredUnrung(AnsweredUnseen):
    """The same, but nothing was heard of the client's phone before: the agent hears a tone that never ends."""

    def rules(self, **changes: Any) -> Json:
        return super().rules(prompts={**MARKED, "connecting": "tone:ring"})

    async def set(self) -> None:
        self.picked_up = asyncio.Event()
        await self.asks(speaking_agent("1"), client_who_answers_at(self.picked_up, rings=False))
        await self.caller()
        await self.company.state(self.asked, "client")


class AfterTheFailure(Scene):
    """The agent is told that the client is busy, and may press 9."""

    def rules(self, **changes: Any) -> Json:
        return super().rules(rescheduling={"auto": False}, agent={"after_failure": KEY_HELD})

    async def set(self) -> None:
        await self.asks(hears(presses("1", after=0.2)), busy())
        await hears_mark(await self.desk(), "press-to-retry")

    async def judge(self, fault: Fault) -> None:
        if fault is not Fault.CRASHED:
            await self.taken_down(await self.desk())
        shown = await self.over("exhausted", agent=1, client=1)
        outcome = "interrupted" if fault is Fault.KILLED else "client_busy"
        expect(shown, 1, outcome=outcome, client_outcome="client_busy", counted=True)


class OfferRings(Scene):
    """The client's phone rings with an offer."""

    key = ""
    client_does: Behaviour = staticmethod(rings_for_ever())

    def rules(self, **changes: Any) -> Json:
        return super().rules(
            rescheduling={"client": True, "max_reschedules": 0, "delay": "0s"},
            offer={"delay": "0s", "reschedule_delay": "1s"},
            agent={"after_failure": "0s", "key_wait": KEY_HELD},
            prompts={**MARKED, **{f"offer-{name}": LONG_SPEECH for name in ("again", "declined", "never")}},
        )

    async def set(self) -> None:
        self.phones.set(self.agent, presses("1", after=0.2))
        self.phones.set(self.client, in_turn(busy(), self.client_does, talks(0.3)))
        self.asked = await self.company.asks(self.client, self.profile)
        offer = await self.caller(2)
        if self.client_does is not OfferRings.client_does:
            await offer.answered()
        await self.company.daemon.until(
            self.asked, lambda shown: shown["offers"] and shown["offers"][0]["key"] == (self.key or None)
        )

    async def judge(self, fault: Fault) -> None:
        if fault is not Fault.CRASHED:
            await self.taken_down(await self.caller(2))
        shown = await self.over("exhausted", agent=1, client=2)
        assert [offer["outcome"] for offer in shown["offers"]] == ["interrupted"]


class OfferPlays(OfferRings):
    """The client listens to an offer."""

    client_does = staticmethod(answers())


class OfferOne(OfferRings):
    """The client has pressed 1 in an offer."""

    key = "1"
    client_does = staticmethod(presses("1"))

    async def judge(self, fault: Fault) -> None:
        if fault is not Fault.CRASHED:
            await self.taken_down(await self.caller(2))
        shown = await self.over("completed", agent=2, client=3)
        assert [offer["outcome"] for offer in shown["offers"]] == ["another_try"]
        assert [attempt["kind"] for attempt in shown["attempts"]] == ["request", "client"]
        assert reschedules(shown) == (0, 0, 1)


class OfferTwo(OfferRings):
    """The client has pressed 2 in an offer."""

    key = "2"
    client_does = staticmethod(presses("2"))

    async def judge(self, fault: Fault) -> None:
        if fault is not Fault.CRASHED:
            await self.taken_down(await self.caller(2))
        shown = await self.over("declined", agent=1, client=2)
        assert [offer["outcome"] for offer in shown["offers"]] == ["declined"]


class OfferThree(OfferRings):
    """The client has pressed 3 in an offer."""

    key = "3"
    client_does = staticmethod(presses("3"))

    async def judge(self, fault: Fault) -> None:
        if fault is not Fault.CRASHED:
            await self.taken_down(await self.caller(2))
        shown = await self.over("declined", agent=1, client=2)
        assert [offer["outcome"] for offer in shown["offers"]] == ["never_again"]
        with pytest.raises(RefusedError) as refused:
            await self.company.asks(self.client, self.profile)
        assert refused.value.code == "number_blocked"


class CallerChooses(Scene):
    """A caller in the intake menu is asked which number to call."""

    def rules(self, **changes: Any) -> Json:
        return super().rules(prompts={**MARKED, "menu-accepted": [SPEECH, SPEECH]})

    def inbound(self) -> str:
        # As callbackd.conf has it, but for the queue: each scene's caller has a phone of their own to go back to.
        return (
            f"exten => {self.agent},1,Answer()\n same => n,Stasis(callbackd,intake,{self.profile})\n"
            ' same => n,GotoIf($["${CALLBACKD_STATUS}" = "ACCEPTED"]?leave)\n'
            f" same => n,Dial(PJSIP/{self.agent}@phones)\n same => n(leave),Hangup()\n"
        )

    async def set(self) -> None:
        self.phones.set(self.agent, answers())
        self.phones.set(self.client, talks(0.3))

        async def stays(call: PhoneCall) -> None:
            await call.ended(FOR_EVER)

        uri = self.company.rig.pbx.sip_uri(self.agent)
        self.call = await self.phones.dial(uri, f"<{self.client}>", hears(stays))
        await hears_mark(self.call, "menu-choices", within=15.0)
        await self.keys()

    async def keys(self) -> None:
        """What the caller presses."""

    async def callbacks(self) -> list[Json]:
        """All of this profile."""
        found: list[Json] = (await self.company.daemon.call("GET", f"/callbacks?profile={self.profile}"))["items"]
        return found

    async def judge(self, fault: Fault) -> None:
        if fault is not Fault.CRASHED:
            back = await self.phones.call(self.agent, timeout=DOWN_WITHIN)
            await back.answered()
            assert self.call.ended_at is None, "not hung up"
        assert await self.callbacks() == []
        assert self.phones.times_rung(self.client) == 0


class CallerConfirms(CallerChooses):
    """A caller in the intake menu is asked whether that is the number."""

    async def keys(self) -> None:
        await self.call.press("2")
        await hears_mark(self.call, "menu-enter")
        await self.call.press("4165550188#")
        await hears_mark(self.call, "menu-confirm")


class CallerConfirmed(CallerChooses):
    """A caller in the intake menu has confirmed, and is told what follows."""

    late = True

    async def keys(self) -> None:
        await self.call.press("1")
        until = time.monotonic() + 10.0
        while not (kept := await self.callbacks()):
            assert time.monotonic() < until, "not kept"
            await asyncio.sleep(0.05)
        self.asked = kept[0]["id"]
        self.phones.set(self.agent, presses("1", after=0.2))

    async def judge(self, fault: Fault) -> None:
        if fault is Fault.KILLED:
            await self.call.ended(15.0)  # by the dialplan, once what is being said has been said
        elif fault is not Fault.CRASHED:
            assert self.call.ended_at is None, "they hear it to the end"
            await self.call.hangup()
        await self.over("completed", agent=1, client=1)


ALL: Sequence[type[Scene]] = (
    Scheduled,
    Queued,
    AgentRings,
    AgentListens,
    ClientDialled,
    ClientRings,
    ClientRingsNine,
    Talking,
    TalkingLong,
    TalkingNine,
    TalkingLongNine,
    AfterTheFailure,
    OfferRings,
    OfferPlays,
    OfferOne,
    OfferTwo,
    OfferThree,
    CallerChooses,
    CallerConfirms,
    CallerConfirmed,
)
"""Every state."""

UNSEEN: Sequence[type[Scene]] = (TalkingThenNine, OneLeaves, AnsweredUnseen, AnsweredUnrung)
"""Those in which people act while they can't be seen, or after; there is nothing to see once Asterisk has died."""


class Stage:
    """All scenes, on one callbackd."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.scenes: list[Scene] = []

    async def opens(self, scenes: Iterable[type[Scene]], settings: Json | None = None) -> None:
        """Callbackd runs, with the profiles of all."""
        self.scenes = [scene(self.company, number) for number, scene in enumerate(scenes)]
        pbx = self.company.rig.pbx
        pbx.inbound = "".join(scene.inbound() for scene in self.scenes)
        await pbx.reload()
        profiles = {scene.profile: scene.rules() for scene in self.scenes}
        await self.company.opens(settings=settings, **profiles)

    async def set(self) -> None:
        """Every scene stands; those that must have stood for long do so."""
        began = time.monotonic()
        early = [scene for scene in self.scenes if scene.early]
        await asyncio.gather(*(scene.set() for scene in early))
        stood = time.monotonic()
        await asyncio.gather(*(scene.set() for scene in self.scenes if not scene.early and not scene.late))
        if early:
            await asyncio.sleep(max(0.0, stood + CONVERSATION.total_seconds() - time.monotonic()))
        await asyncio.gather(*(scene.set() for scene in self.scenes if scene.late))
        assert time.monotonic() - began < 60.0

    async def during(self) -> None:
        """People act, unseen."""
        await asyncio.gather(*(scene.during() for scene in self.scenes))

    async def judge(self, fault: Fault, subtests: pytest.Subtests) -> None:
        """Each scene by itself, all at the same time; then nothing of ours may be left on the PBX."""
        found = await asyncio.gather(*(scene.judge(fault) for scene in self.scenes), return_exceptions=True)
        for scene, trouble in zip(self.scenes, found, strict=True):
            with subtests.test(msg=scene.title()):
                if trouble is not None:
                    raise trouble
        with subtests.test(msg="nothing is left on the PBX"):
            await self.nothing_left()

    async def nothing_left(self, within: float = 2.0) -> None:
        """No leg and no bridge of ours is up; callers who were handed back are the dialplan's."""
        pbx = self.company.rig.pbx
        until = time.monotonic() + within
        while True:
            left = [channel["id"] for channel in await pbx.channels() if channel["id"].startswith("cb")]
            left += [bridge["id"] for bridge in await pbx.bridges() if bridge["id"].startswith("cb")]
            if not left:
                return
            assert time.monotonic() < until, left
            await asyncio.sleep(0.05)
