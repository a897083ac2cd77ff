"""The files of a first configuration, made of the samples that go with the program."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from callbackd import share
from callbackd.config.environment import Environment
from callbackd.config.nodes import Mapping
from callbackd.config.positioned_yaml import parse
from callbackd.config.problems import Problem, Problems
from callbackd.config.profiles import read_profile
from callbackd.initial.answers import Answers

PUBLIC, SECRET = 0o644, 0o600

_PLAIN = re.compile(r"[A-Za-z/](?:(?:[A-Za-z0-9/_.@{}+ -]|:(?=[0-9/]))*[A-Za-z0-9/_@}])?")
_WORDS = frozenset({"on", "off", "yes", "no", "true", "false", "null", "y", "n"})


@dataclass(frozen=True, slots=True)
class File:
    """One file to be written: its path below the configuration's folder, its content, its mode."""

    path: str
    content: bytes
    mode: int = PUBLIC


def new_password() -> str:
    """A password that nobody has to type."""
    return secrets.token_hex(24)


def all_files(answers: Answers, folder: Path, password: str, program: str | None) -> list[File]:
    """Every file, in the order in which they are written. `program`: write a unit too, which starts that."""
    files = [
        File("callbackd.yaml", _settings(answers).encode()),
        File("ari-password", f"{password}\n".encode(), SECRET),
        File(f"profiles/{answers.profile}.yaml", profile(answers).encode()),
        *(File(f"schema/{schema.name}", schema.read_bytes()) for schema in sorted(share.SCHEMAS.glob("*.json"))),
        File("asterisk/callbackd.conf", dialplan(answers).encode()),
        File("asterisk/ari.conf", _ari_user(answers, password).encode(), SECRET),
        File("asterisk/http.conf", (share.DIALPLAN / "http.conf").read_bytes()),
        *(
            File(f"asterisk/sounds/{language.name}/callbackd/{sound.name}", sound.read_bytes())
            for language in sorted(path for path in share.SOUNDS.iterdir() if path.is_dir())
            for sound in sorted(language.glob("*.wav"))
        ),
    ]
    if program is not None:
        files.append(File("callbackd.service", _unit(answers, folder, program).encode()))
    return files


def mistakes(answers: Answers) -> tuple[Problem, ...]:
    """What is wrong with the profile that the answers make, as `callbackd check` would tell it."""
    problems = Problems()
    name = f"{answers.profile}.yaml"
    document = parse(name, profile(answers).encode(), problems)
    if isinstance(document, Mapping):
        filled_in = Environment({}, True).fill_in(document, problems)
        assert isinstance(filled_in, Mapping)
        read_profile(answers.profile, filled_in, problems)
    return problems.in_order() if problems.any_error() else ()


def _settings(answers: Answers) -> str:
    text = _Text((share.SAMPLES / "callbackd.yaml").read_text("utf-8"))
    text.put(
        "# callbackd's own settings. Every setting is here with its default; only ari.password has none.\n", _ABOUT
    )
    text.put("  url: http://127.0.0.1:8088/ari", f"  url: {value(answers.ari_url)}")
    text.put("\n  username: callbackd", f"\n  username: {value(answers.ari_user)}")
    text.put(
        "  password: ${CALLBACKD_ARI_PASSWORD}  # its password, or instead of this line:\n"
        "  # password_file: ari-password        # a file that holds the password and nothing else\n",
        "  password_file: ari-password          # a file that holds its password; or password: ${A_VARIABLE}\n",
    )
    text.put("database: /var/lib/callbackd/callbackd.sqlite3", f"database: {value(str(answers.database))}")
    return text.whole


_ABOUT = "# callbackd's own settings. Every setting is here, most with their defaults.\n"


def profile(answers: Answers) -> str:
    """The first profile."""
    text = _Text((share.SAMPLES / "profiles/support.yaml").read_text("utf-8"))
    text.put(", here: support.\n", f", here: {answers.profile}.\n")
    text.put("label: Support line", f"label: {value(answers.label)}")
    endpoints = [value(endpoint) for endpoint in answers.endpoints]
    several = f"[{', '.join(json.dumps(endpoint) for endpoint in answers.endpoints)}]"
    text.put("endpoint: Local/600@callbackd-agents/n", f"endpoint: {endpoints[0] if len(endpoints) == 1 else several}")
    if answers.queue:
        text.put("  # queue: support", f"  queue: {value(answers.queue)}")
    else:
        text.put("# or PJSIP/1001; or a list,", "# a list is")
    text.put("timezone: America/Toronto", f"timezone: {value(answers.zone)}")
    text.cut("  hours:", "  exceptions:", _hours(answers))
    text.cut("  exceptions:", "  max_concurrent:", _EXCEPTIONS)
    text.put("max_concurrent: 2", "max_concurrent: 1")
    text.put("endpoint: PJSIP/{number}@trunk", f"endpoint: {value(answers.client_endpoint)}")
    if answers.caller_id:
        text.put("caller_id: Acme Support <+14165550100>", f"caller_id: {value(answers.caller_id)}")
    else:
        text.put("  caller_id: Acme Support <+14165550100>", "  # caller_id: Acme Support <+14165550100>")
    text.put("country: CA", f"country: {answers.country}")
    text.put('allow: ["+1"]', f"allow: {json.dumps(list(answers.allow))}")
    text.put('block: ["+1900", "+1976"]', f"block: {json.dumps(list(answers.block))}")
    text.put("cut_off: 30m", "cut_off: 0s")
    return text.whole


def _hours(answers: Answers) -> str:
    if not answers.hours:
        return "  # hours:                                   # when calls may start; without hours: always\n"
    lines = ["  hours:                                     # when calls may start; without hours: always"]
    lines += [f"    {days}: {intervals}" for days, intervals in answers.hours]
    lines.append("    # sat: 10:00-14:00                       # a weekday that is not named is closed")
    return "\n".join(lines) + "\n"


_EXCEPTIONS = """\
  # exceptions:                              # dates that have hours of their own
  #   2026-12-25: closed
  #   2026-12-24: 09:00-12:00
"""


def dialplan(answers: Answers) -> str:
    """callbackd's part of the dialplan, with this site's names in it."""
    text = _Text((share.DIALPLAN / "callbackd.conf").read_text("utf-8"))
    name, queue = answers.profile, answers.exit_queue
    text.put(
        ";       endpoint: Local/600@callbackd-agents/n\n",
        f";       endpoint: Local/{answers.extension}@callbackd-agents/n\n",
    )
    text.put(";       queue: support\n", f";       queue: {queue}\n")
    text.put(
        'exten => 600,1,NoOp(A call-back asks for an agent of the queue "support")',
        f"exten => {answers.extension},1,NoOp(A call-back asks for an agent of the queue {queue})",
    )
    text.put("Queue(support,r)", f"Queue({queue},r)")
    text.put("Dial(PJSIP/${NUMBER}@trunk)", f"Dial(PJSIP/${{NUMBER}}@{answers.trunk})")
    text.put(";     [support]\n", f";     [{queue}]\n")
    text.put(";     context = callbackd-queue-exit-support\n", f";     context = callbackd-queue-exit-{name}\n")
    text.put("[callbackd-queue-exit-support]\n", f"[callbackd-queue-exit-{name}]\n")
    text.put("Set(CALLBACKD_PROFILE=support)", f"Set(CALLBACKD_PROFILE={name})")
    text.put("Set(CALLBACKD_QUEUE=support)", f"Set(CALLBACKD_QUEUE={answers.queue or ''})")
    return text.whole


def _ari_user(answers: Answers, password: str) -> str:
    return (
        "; callbackd's account, to be added to ari.conf (FreePBX: ari_additional_custom.conf).\n"
        "; Whoever has this password can dial out: that file must be readable by Asterisk only.\n"
        f"[{answers.ari_user}]\ntype = user\nread_only = no\npassword = {password}\n"
    )


def password_in(text: str) -> str | None:
    """The password in an `ari.conf` that was written here before."""
    found = re.search(r"^password = (\S+)$", text, re.MULTILINE)
    return found[1] if found else None


def _unit(answers: Answers, folder: Path, program: str) -> str:
    text = _Text(share.UNIT.read_text("utf-8"))
    text.put(
        "ExecStart=/usr/local/bin/callbackd --config /etc/callbackd/callbackd.yaml run",
        f"ExecStart={program} --config {_word(str(folder.absolute() / 'callbackd.yaml'))} run",
    )
    text.put("User=callbackd\nGroup=callbackd\n", f"User={answers.user}\n")
    if answers.database.parent != Path("/var/lib/callbackd"):
        text.put("UMask=0077\n", f"UMask=0077\nReadWritePaths={_word(str(answers.database.parent))}\n")
    if program.startswith(("/root/", "/home/")) or str(folder.absolute()).startswith(("/root/", "/home/")):
        text.put("ProtectHome=yes\n", "ProtectHome=read-only\n")
    return text.whole


def _word(text: str) -> str:
    """A word of a unit's line."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return escaped if re.fullmatch(r"[A-Za-z0-9/._@%+-]+", escaped) else f'"{escaped}"'


def value(text: str) -> str:
    """A text as YAML means it, whatever is in it."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS and "  " not in text:
        return text
    return json.dumps(text.replace("${", "$${"), ensure_ascii=False)


class _Text:
    """A sample while its places are filled in. A place that is not there exactly once is an error of the program.

    What was filled in is never looked into for the next place, so that an answer may be any text.
    """

    def __init__(self, sample: str) -> None:
        self._text = sample
        self._filled_in: list[str] = []

    @property
    def whole(self) -> str:
        """The sample with everything in its place."""
        return re.sub("\0([0-9]+)\0", lambda mark: self._filled_in[int(mark[1])], self._text)

    def put(self, there: str, instead: str) -> None:
        """Put one thing in the place of another; a comment behind it on the same line stays in its column."""
        before, after = self._text.split(there)
        line, newline, following = after.partition("\n")
        comment = line.lstrip(" ")
        if not there.endswith("\n") and comment.startswith("#"):
            room = len(there) + len(line) - len(comment) - len(instead)
            line = " " * max(room, 2) + comment
        self._text = f"{before}{self._mark(instead)}{line}{newline}{following}"

    def cut(self, first: str, next_: str, instead: str) -> None:
        """Put `instead` in the place of the lines from the one that begins with `first` to before `next_`."""
        lines = self._text.splitlines(keepends=True)
        (begin,) = [number for number, line in enumerate(lines) if line.startswith(first)]
        end = next(number for number, line in enumerate(lines) if number > begin and line.startswith(next_))
        self._text = "".join([*lines[:begin], self._mark(instead), *lines[end:]])

    def _mark(self, instead: str) -> str:
        end = "\n" if instead.endswith("\n") else ""
        self._filled_in.append(instead.removesuffix(end))
        return f"\0{len(self._filled_in) - 1}\0{end}"
