"""A day with random people: what must hold whatever they do."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callbackd.domain.callback import Kind, Outcome, State
from callbackd.domain.profile import OfferRules
from callbackd.domain.telephony import Line, Ring
from callbackd.store.memory import MemoryStore
from tests.domain.office import OFFICE, at, profile
from tests.engine.company import Company, company, with_target
from tests.engine.fake_phones import NO_AGENT, Person, fails
from tests.engine.virtual_time import run

CALLBACKS = 12


def some_agent(chance: Random) -> Person:
    """Most answer and press 1."""
    keys = tuple((chance.uniform(0.1, 40), chance.choice("1111290*5")) for _ in range(chance.randint(0, 4)))
    return chance.choice(
        [
            NO_AGENT,
            fails(Outcome.AGENT_BUSY),
            Person(after=2, keys=((3, "1"),)),
            Person(after=2, keys=((3, "1"), *keys)),
            Person(after=chance.uniform(0, 25), keys=keys, leaves=chance.choice([None, chance.uniform(0, 90)])),
            Person(after=2, keys=((3, "1"), *keys), leaves=chance.uniform(3, 60)),
        ]
    )


def some_client(chance: Random) -> Person:
    """Some answer, some talk, some press keys."""
    verdict = chance.choice(
        [
            Outcome.CLIENT_BUSY,
            Outcome.CLIENT_NO_ANSWER,
            Outcome.CLIENT_REJECTED,
            Outcome.CLIENT_UNREACHABLE,
            Outcome.CLIENT_INVALID,
            Outcome.ROUTE_FAILED,
        ]
    )
    answers = Person(
        after=chance.uniform(0, 35),
        keys=((chance.uniform(1, 20), chance.choice("1239")),),
        leaves=chance.uniform(0, 300),
    )
    return chance.choice([fails(verdict, chance.uniform(0, 20)), fails(verdict), answers, answers, Person(after=None)])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, 2**32),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 3),
    st.integers(1, 3),
)
def test_every_callback_ends_or_waits_for_an_instant_in_hours(
    seed: int, auto: bool, agent: bool, client: bool, most: int, at_once: int
) -> None:
    rules = with_target(
        profile(
            auto=auto,
            agent=agent,
            client=client,
            max_reschedules=most,
            delay=timedelta(minutes=20),
            offer=OfferRules(attempts=2),
        ),
        max_concurrent=at_once,
    )

    async def day() -> None:
        chance = Random(seed)  # noqa: S311
        agents: dict[str, Person] = {}

        def an_agent(line: Line, _ring: Ring) -> Person:
            agents[line.callback_id] = some_agent(chance)
            return agents[line.callback_id]

        async with company(MemoryStore(), rules, start=at("Mon 08:30")) as house:
            house.phones.agents = an_agent
            house.phones.clients = lambda _line: some_client(chance)
            names = []
            for last in range(CALLBACKS):
                names.append(await house.ask(last, priority=chance.randint(-1, 1)))
                await house.passes(minutes=chance.uniform(0, 30))
            await house.until(at("Tue 08:00"))
            assert len(house.calls) == 0
            for name in names:
                await check(house, name, most)
            assert house.phones.trouble == []

    run(day())


async def check(house: Company, name: str, most: int) -> None:
    """What must hold of every call-back at night."""
    callback = await house.get(name)
    attempts = await house.attempts(name)
    dials = [dial for dial in house.phones.dials if dial[1] == callback.number]
    assert callback.state.ended or callback.state is State.SCHEDULED
    if callback.attempts_made and callback.state is State.SCHEDULED and callback.due_at > house.clock.now():
        assert OFFICE.is_open(callback.due_at)
    assert [attempt.number for attempt in attempts] == list(range(1, len(attempts) + 1))
    for attempt in attempts:
        assert attempt.outcome is not None
        assert attempt.counted is not None
        assert OFFICE.is_open(attempt.started_at)
        if attempt.client_dialled_at is not None:
            assert attempt.agent_answered_at is not None
            assert attempt.agent_answered_at <= attempt.client_dialled_at
        else:
            assert not attempt.counted
    assert len(dials) == len({dial[2:] for dial in dials}) <= 6
    assert callback.reschedules.limited <= most
    assert callback.counted == sum(bool(attempt.counted) for attempt in attempts)
    limited = sum(attempt.kind in (Kind.AUTO, Kind.AGENT) and bool(attempt.counted) for attempt in attempts)
    assert limited <= most
