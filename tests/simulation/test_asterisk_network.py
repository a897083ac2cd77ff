"""The way between daemon and Asterisk: websockets that end in all their ways, partitions, and the pool."""

from __future__ import annotations

import asyncio

import pytest

from callbackd.ari.errors import StreamClosed, Unreachable
from callbackd.ari.transport import Response, Transport
from simulation.asterisk.network import POOL, Fault, Weather
from simulation.asterisk.transport import SimulatedTransport
from tests.simulation.asterisk_house import APP, House, drive


async def say(transport: Transport, word: str) -> int:
    """A user event, which comes back on the websocket."""
    found = await transport.request("POST", f"/events/user/{word}", query={"application": APP}, body={"variables": {}})
    return found.status


def test_what_is_said_comes_back_in_order() -> None:
    house = House()

    async def main() -> None:
        transport = house.network.transport()
        async with transport.events(APP) as stream:
            for number in range(50):
                assert await say(transport, f"word-{number}") == 204
            heard = [(await stream.receive())["eventname"] for _ in range(50)]
        assert heard == [f"word-{number}" for number in range(50)]

    drive(house.world, main())


@pytest.mark.parametrize("clean", [True, False])
def test_a_dropped_websocket_ends_for_both(clean: bool) -> None:
    house = House()

    async def main() -> None:
        transport = house.network.transport()
        async with transport.events(APP) as stream:
            house.network.drop_websocket(clean=clean)
            assert house.ask("GET", f"/applications/{APP}").status == 404
            for _ in range(2):
                with pytest.raises(StreamClosed, match="code 1000" if clean else "broke"):
                    await stream.receive()

    drive(house.world, main())


def test_a_half_open_websocket_is_noticed_by_the_heartbeat_alone() -> None:
    house = House()

    async def main() -> None:
        transport = house.network.transport()
        async with transport.events(APP) as stream:
            house.network.half_open()
            began = house.world.time
            assert await say(transport, "lost") == 204
            with pytest.raises(StreamClosed, match="1006"):
                await stream.receive()
            assert 10 <= house.world.time - began <= 15
            assert house.ask("GET", f"/applications/{APP}").status == 200

    drive(house.world, main())


def test_a_short_stall_only_delays() -> None:
    house = House()

    async def main() -> None:
        transport = house.network.transport()
        async with transport.events(APP) as stream:
            house.network.stall(6.0)
            began = house.world.time
            await say(transport, "first")
            await say(transport, "second")
            assert [(await stream.receive())["eventname"] for _ in range(2)] == ["first", "second"]
            assert house.world.time - began == pytest.approx(6.0, abs=0.1)

    drive(house.world, main())


def test_in_a_partition_requests_time_out_or_come_late() -> None:
    house = House()

    async def main() -> None:
        transport = house.network.transport()
        house.network.part(5.0)
        assert (await transport.request("GET", "/bridges")).status == 200
        assert house.world.time == pytest.approx(5.0, abs=0.1)
        house.network.part(60.0)
        with pytest.raises(Unreachable) as found:
            await transport.request("GET", "/bridges")
        assert found.value.perhaps_acted
        assert house.world.time == pytest.approx(15.0, abs=0.1)
        with pytest.raises(Unreachable):
            async with transport.events(APP):
                pass

    drive(house.world, main())


def test_nothing_listens_while_asterisk_is_down() -> None:
    house = House()

    async def main() -> None:
        transport = house.network.transport()
        house.asterisk.restart(5.0)
        with pytest.raises(Unreachable) as found:
            await transport.request("GET", "/bridges")
        assert not found.value.perhaps_acted
        with pytest.raises(Unreachable):
            async with transport.events(APP):
                pass
        await asyncio.sleep(5)
        assert (await transport.request("GET", "/bridges")).status == 200

    drive(house.world, main())


def test_an_answer_that_waits_is_cut_off_by_a_crash() -> None:
    house = House()

    async def main() -> None:
        transport = house.network.transport()
        async with transport.events(APP):
            house.originate()
            await asyncio.sleep(3)
            house.ask("POST", "/bridges", type="mixing", bridgeId="b")
            house.play("leg-a", "p", "tone:ring")
            await asyncio.sleep(0.1)
            body = {"channel": ["leg-a"]}
            waiting = asyncio.ensure_future(transport.request("POST", "/bridges/b/addChannel", body=body))
            await asyncio.sleep(1)
            assert not waiting.done()
            house.asterisk.stop()
            with pytest.raises(Unreachable) as found:
                await waiting
            assert found.value.perhaps_acted

    drive(house.world, main())


def test_a_late_request_is_answered() -> None:
    house = House()
    house.network.spoil(Fault.LATE, "GET", "/bridges")

    async def main() -> None:
        transport = house.network.transport()
        assert (await transport.request("GET", "/bridges")).status == 200
        assert 0.2 <= house.world.time <= 9

    drive(house.world, main())


def test_no_more_requests_at_once_than_the_pool_holds() -> None:
    house = House()
    for _ in range(POOL):
        house.network.spoil(Fault.NEVER_ARRIVES, "GET", "/bridges")

    async def main() -> None:
        transport = house.network.transport()
        stuck = [asyncio.ensure_future(ask(transport)) for _ in range(POOL)]
        await asyncio.sleep(1)
        assert (await asyncio.gather(transport.request("GET", "/channels"), *stuck))[0] == Response(200, [])
        assert house.world.time == pytest.approx(10.0, abs=0.1)

    async def ask(transport: SimulatedTransport) -> None:
        with pytest.raises(Unreachable):
            await transport.request("GET", "/bridges")

    drive(house.world, main())


def test_now_and_then_a_websocket_is_open_without_an_application() -> None:
    house = House(weather=Weather(unregistered=1.0))

    async def main() -> None:
        transport = house.network.transport()
        async with transport.events(APP):
            assert await say(transport, "one") == 204
        await asyncio.sleep(0.1)
        async with transport.events(APP):
            assert await say(transport, "two") == 404
        await asyncio.sleep(2)
        async with transport.events(APP):
            assert await say(transport, "three") == 204

    drive(house.world, main())


@pytest.mark.parametrize(
    ("weather", "count"), [(Weather(event_lost=1.0), 0), (Weather(event_doubled=1.0), 2), (Weather(event_late=1.0), 1)]
)
def test_the_weather_of_events(weather: Weather, count: int) -> None:
    house = House(weather=weather)

    async def main() -> None:
        transport = house.network.transport()
        async with transport.events(APP):
            await say(transport, "word")
            await asyncio.sleep(5)
            (socket,) = house.network.websockets
            assert len(socket.received) == count

    drive(house.world, main())


@pytest.mark.parametrize("weather", [Weather(unsent=1.0), Weather(dies=1.0), Weather(answer_lost=1.0)])
def test_the_weather_of_requests(weather: Weather) -> None:
    house = House(weather=weather)

    async def main() -> None:
        with pytest.raises(Unreachable):
            await house.network.transport().request("GET", "/bridges")

    drive(house.world, main())


def test_a_daemon_that_stops_waiting_leaves_no_websocket() -> None:
    house = House()

    async def main() -> None:
        transport = house.network.transport()

        async def open_it() -> None:
            async with transport.events(APP):
                await asyncio.sleep(60)

        opening = asyncio.ensure_future(open_it())
        await asyncio.sleep(0)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        await asyncio.sleep(5)
        assert house.ask("GET", f"/applications/{APP}").status == 404

    drive(house.world, main())
