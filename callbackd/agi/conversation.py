"""One connection: hear what is asked, have it answered, set the variables, go."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from callbackd.agi.answers import Answer, Status
from callbackd.agi.environment import Environment, Malformed, read_environment
from callbackd.agi.seldom import Seldom
from callbackd.engine.refusals import Code

log = logging.getLogger(__name__)

REPLY_LINES = 50
"""Lines until the reply to a command must have come: ``HANGUP`` and the lines of a usage may stand before it."""

_REPLY = re.compile(rb"[2-5][0-9][0-9] .*", re.DOTALL)

AnswerScript = Callable[[Environment], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that the other side has to send its environment, and to take the answer."""

    hear: float = 2.0
    tell: float = 2.0


async def converse(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    answer_script: AnswerScript,
    patience: Patience,
    seldom: Seldom,
) -> None:
    """From the first byte to the last, whatever the other side does. `answer_script` must not raise.

    What can't be understood is refused, as far as the other side lets itself be told, and changes nothing. A script
    whose environment has come is run to its end, even if nobody waits for the answer any more.
    """
    try:
        answer = await _hear_and_answer(reader, answer_script, patience, seldom)
        async with asyncio.timeout(patience.tell):
            await _tell(reader, writer, answer)
            writer.close()
            await writer.wait_closed()
    except OSError as error:  # TimeoutError is one
        log.debug("not told to the end", extra={"error": type(error).__name__})
    finally:
        writer.transport.abort()


async def _hear_and_answer(
    reader: asyncio.StreamReader, answer_script: AnswerScript, patience: Patience, seldom: Seldom
) -> Answer:
    try:
        async with asyncio.timeout(patience.hear):
            environment = await read_environment(reader)
    except Malformed as malformed:
        seldom.warning(f"no AGI request: {malformed}")
    except TimeoutError:
        seldom.warning("no whole AGI request came in time", limit=patience.hear)
    else:
        return await answer_script(environment)
    return Answer(Status.REFUSED, reason=Code.INVALID.value)


async def _tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer) -> None:
    """One command at a time: Asterisk does not look for a second one while it holds the first."""
    listening = True
    for command in answer.commands():
        writer.write(command)
        await writer.drain()
        listening = listening and await _replied(reader)


async def _replied(reader: asyncio.StreamReader) -> bool:
    """Wait for the reply to a command, whatever it says; False if none will come."""
    for _ in range(REPLY_LINES):
        line = b""
        with suppress(ValueError):  # longer than any line of Asterisk's
            line = await reader.readline()
            if not line:
                return False
        if _REPLY.match(line):
            return True
    return False
