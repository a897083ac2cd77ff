"""The daemon's HTTP API, as the commands use it; on the standard library, so that a command starts at once."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from callbackd.cli.failure import Failure, Unreachable

if TYPE_CHECKING:
    from pathlib import Path

    from callbackd.config.settings import Settings

_TIMEOUT = 15.0
_LARGEST_TOKEN = 4096


@dataclass(frozen=True, slots=True)
class Answer:
    """What the daemon says."""

    status: int
    body: Any


class ApiClient:
    """Asks the daemon that the settings describe. Every method raises `Failure`."""

    def __init__(self, settings: Settings) -> None:
        if settings.http is None:
            raise Unreachable(
                f"the HTTP API is off, so the daemon can't be asked: give {settings.file} a section http, "
                "such as http: {listen: 127.0.0.1:8780}"
            )
        self._where = settings.http.listen
        self._host = self._where.reached_at
        self._token_file = settings.http.token_file

    def get(self, *path: str, query: Iterable[tuple[str, str]] = ()) -> Any:
        """The body of GET /api/v1/PATH."""
        parameters = urlencode(list(query))
        return self._call("GET", _path(path) + (f"?{parameters}" if parameters else ""), None).body

    def post(self, *path: str, body: dict[str, Any], tolerated: int | None = None) -> Answer:
        """The answer to POST /api/v1/PATH. An error is raised, but one of the status that is `tolerated`."""
        return self._call("POST", _path(path), body, tolerated)

    def _call(self, method: str, path: str, body: dict[str, Any] | None, tolerated: int | None = None) -> Answer:
        headers = {"Authorization": f"Bearer {_read_token(self._token_file)}", "Content-Type": "application/json"}
        answer = self._exchange(method, path, body, headers)
        if answer.status < 400 or answer.status == tolerated:
            return answer
        if answer.status == 401:
            raise Failure(
                f"the daemon does not take the token in {self._token_file}: is it the one it was started with?"
            )
        raise Failure(_error(answer, self._where))

    def _exchange(self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]) -> Answer:
        connection = http.client.HTTPConnection(self._host, self._where.port, timeout=_TIMEOUT)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return Answer(response.status, json.loads(response.read()))
        except OSError as error:
            reason = (error.strerror or str(error) or type(error).__name__).lower()
            raise Unreachable(
                f"the daemon can't be reached at {self._where}: {reason}; is it running?"
            ) from None
        except (http.client.HTTPException, ValueError):
            raise Unreachable(
                f"what answers at {self._where} is not callbackd; see http.listen in its settings"
            ) from None
        finally:
            connection.close()


def _path(parts: Iterable[str]) -> str:
    return "/api/v1/" + "/".join(quote(part, safe="") for part in parts)


def _error(answer: Answer, where: object) -> str:
    match answer.body:
        case {"error": {"code": str(code), "message": str(message)}}:
            return f"{message} ({code})"
    return f"what answers at {where} failed with status {answer.status} and is not callbackd"


def _read_token(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            text = stream.read(_LARGEST_TOKEN).decode("ascii").strip()
    except FileNotFoundError:
        raise Unreachable(
            f"there is no token at {path}: the daemon makes it when it first starts; is it running?"
        ) from None
    except PermissionError:
        raise Failure(
            f"the token in {path} can't be read: permission denied; run this as root or as the user of the daemon"
        ) from None
    except OSError as error:
        raise Failure(f"the token in {path} can't be read: {error.strerror}") from None
    except ValueError:
        text = ""
    if not text or not text.isprintable() or " " in text:
        raise Failure(f"{path} holds no token: remove it and start the daemon again, which makes a new one")
    return text
