"""Durable requests per second: call-backs asked for over HTTP, each on the disk before its answer."""

from __future__ import annotations

import asyncio
import time

from bench.figures import Measures, median, spread
from bench.ground import Ground, Report

PROFILE = "once"


async def measure(ground: Ground, requests: int, clients: int, rounds: int, report: Report) -> dict[str, Measures]:
    """Rounds of `requests` by `clients` that ask one after another, each on a connection that stays open."""
    await ground.daemon.call("POST", f"/profiles/{PROFILE}/pause", {"dialling": True})
    rates: list[float] = []
    waits: list[float] = []
    cpu: list[float] = []
    for number in range(1, rounds + 1):
        report(f"requests, round {number} of {rounds}: {requests} by {clients} clients")
        waiting = ground.numbers(requests)
        before, began = ground.cpu(), time.perf_counter()
        await asyncio.gather(*(_client(ground, waiting, waits) for _ in range(clients)))
        rates.append(requests / (time.perf_counter() - began))
        cpu.append((ground.cpu() - before).daemon / requests)
    return {
        "requests": {
            "durable requests per second": median(rates),
            **spread("request", waits),
            "callbackd CPU ms each": 1000 * median(cpu),
        }
    }


async def _client(ground: Ground, waiting: list[str], waits: list[float]) -> None:
    while waiting:
        number = waiting.pop()
        began = time.perf_counter()
        await ground.daemon.request(PROFILE, number)
        waits.append(time.perf_counter() - began)
