"""Sounds that a profile replaces, sounds that are not there, and names that are not what a display expects."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rig import audio
from rig.behaviours import busy
from rig.daemon import RefusedError
from tests.pbx.company import (
    AGENT,
    CLIENT,
    MARKED,
    Company,
    agent,
    client,
    expect,
    heard,
    profile,
    reschedules,
)

pytestmark = pytest.mark.pbx

NOWHERE = "sound:rig/there-is-no-such-sound"


@contextmanager
def without(sounds: Path, *names: str) -> Iterator[None]:
    """Some of the prompts are not installed."""
    files = [sounds / "callbackd" / f"{name}.wav" for name in names]
    for file in files:
        file.rename(file.with_suffix(".away"))
    try:
        yield
    finally:
        for file in files:
            file.with_suffix(".away").rename(file)


async def test_each_profile_may_replace_prompts(company: Company) -> None:
    sales = profile(
        target={"endpoint": "PJSIP/1002"}, prompts={**MARKED, "agent-intro": [MARKED["offer-intro"], MARKED["press"]]}
    )
    await company.opens(profile(), sales=sales)
    for desk in (AGENT, "1002"):
        company.phones.set(desk, agent("2", after=0.9))
    await company.asks()
    await company.asks("+14165550124", profile="sales")
    first, second = await company.phones.call(AGENT), await company.phones.call("1002")
    await first.ended()
    await second.ended()
    assert heard(first)[:2] == ["agent-intro", "1"]
    assert heard(second)[:3] == ["offer-intro", "press", "1"]


@pytest.mark.oldest
async def test_a_missing_sound_neither_silences_nor_stalls_the_call(company: Company) -> None:
    """None of the sounds that the profile names exists."""
    await company.opens(profile(prompts=dict.fromkeys(MARKED, NOWHERE)))
    company.phones.set(AGENT, agent(""))
    company.phones.set(CLIENT, busy())
    asked = await company.asks()
    desk = await company.phones.call(AGENT)
    await desk.answered()
    at = await desk.heard_sound()
    assert desk.answered_at is not None
    assert at - desk.answered_at < 1.0
    await desk.press("1")
    shown = await company.attempt_over(asked)
    expect(shown, 1, outcome="client_busy", client_outcome="client_busy")
    assert reschedules(shown) == (1, 0, 0)
    caller = company.phones.calls(CLIENT)[0]
    assert desk.ended_at is not None
    assert desk.ended_at - caller.arrived_at < 6.0
    told = audio.first_sound(desk.recording.sound, caller.ended_at)
    assert told is not None


async def test_without_a_key_too_it_comes_to_its_end(company: Company) -> None:
    silent = dict.fromkeys(MARKED, NOWHERE)
    await company.opens(profile(prompts=silent, agent={"prompt_repeats": 1, "key_wait": "1s"}))
    company.phones.set(AGENT, agent(""))
    asked = await company.asks()
    shown = await company.attempt_over(asked, within=30)
    expect(shown, 1, outcome="agent_no_key", counted=False)


async def test_prompts_that_were_not_installed(company: Company) -> None:
    gone = ("agent-intro", "agent-choices", "connecting", "failed-hung-up", "will-not-retry")
    with without(company.rig.pbx.sounds, *gone):
        await company.opens(profile(prompts={}, agent={"after_failure": "1s"}))
        company.phones.set(AGENT, agent("1", after=0.8))
        company.phones.set(CLIENT, client(0.5, ring=1.0))
        asked = await company.asks()
        shown = await company.ended(asked)
        expect(shown, 1, outcome="answered")
        assert shown["state"] == "completed"
        desk, caller = company.phones.calls(AGENT)[0], company.phones.calls(CLIENT)[0]
        assert desk.answered_at is not None
        heard_at = audio.first_sound(desk.recording.sound, desk.answered_at)
        assert heard_at is not None
        assert heard_at - desk.answered_at < 0.8
        told = audio.first_sound(desk.recording.sound, caller.ended_at)
        assert told is not None
        assert company.daemon.log.read_text().count("sound missing") >= 2


NAMES = [
    ('Jane "JD" Doe', "Jane JD Doe"),
    ('" <sip:evil@example.com>', "sip:evil@example.com"),
    ("O'Brien; drop=1, x\\", "O'Brien; drop=1, x"),
    ("${SHELL(reboot)} &amp;", "${SHELL(reboot)} &amp;"),
    ("Zoë Müller", "Zoë Müller"),
]


async def test_a_name_is_only_a_name_on_the_display(company: Company) -> None:
    await company.opens(profile(agent={"retry_delay": "1s"}))
    company.phones.set(AGENT, agent("2", after=0.2))
    for number, (name, shown) in enumerate(NAMES):
        client_number = f"+1416555020{number}"
        asked = await company.asks(client_number, name=name)
        await company.attempt_over(asked)
        seen = [call for call in company.phones.calls(AGENT) if call.caller_number == client_number]
        assert [call.caller_name.strip() for call in seen][:1] == [shown]
        await company.cancels(asked)


@pytest.mark.parametrize("name", ["Jane\r\nX-Evil: 1", "Jane\x00Doe", "Jane\x1b[2J"])
async def test_a_name_with_control_characters_is_refused(company: Company, name: str) -> None:
    await company.opens()
    with pytest.raises(RefusedError) as refused:
        await company.asks(name=name)
    assert refused.value.status == 422
    assert company.phones.calls() == []
