"""What is left for a person to do once the files are there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from callbackd.initial.answers import Answers
from callbackd.initial.pbx import Found


@dataclass(frozen=True, slots=True)
class Step:
    """What to do and why, and the commands for it; none where an editor is needed."""

    what: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    """Where things are: the configuration's `folder`, whether it is the system's, whether `user` is there and owns the
    password, whether a unit was written, and how the program is called."""

    folder: Path
    user_exists: bool
    as_root: bool
    unit: bool
    program: str


def next_steps(answers: Answers, found: Found, site: Site) -> list[Step]:
    """In the order in which they are done."""
    return [
        *_decisions(answers),
        *_user(answers, site),
        *_asterisk(answers, found, site),
        *_start(site),
    ]


def _decisions(answers: Answers) -> list[Step]:
    if not answers.assumed:
        return []
    names = ", ".join(answers.assumed)
    return [Step(f"look at what was assumed, for nobody said it and nothing here told: {names}")]


def _user(answers: Answers, site: Site) -> list[Step]:
    if not site.as_root or site.user_exists:
        return []
    home = quote(str(answers.database.parent))
    user = answers.user
    return [
        Step(
            f"make the user {user} that the daemon runs as; only it may read the password and write the database",
            (
                f"useradd --system --home-dir {home} --shell /usr/sbin/nologin {user}",
                f"install -d -o {user} -g {user} -m 750 {home}",
                f"chown {user}: {quote(str(site.folder / 'ari-password'))}",
            ),
        )
    ]


def _asterisk(answers: Answers, found: Found, site: Site) -> list[Step]:
    configuration = found.asterisk or Path("/etc/asterisk")
    ours = site.folder / "asterisk"
    accounts = configuration / ("ari_additional_custom.conf" if found.freepbx else "ari.conf")
    extensions = configuration / ("extensions_custom.conf" if found.freepbx else "extensions.conf")
    sounds = found.sounds or Path("/usr/share/asterisk/sounds")
    steps = []
    if not found.http_enabled:
        where = "Settings > Advanced Settings" if found.freepbx else str(configuration / "http.conf")
        perhaps = "" if found.http_enabled is False else ", unless it is"
        step = f"switch Asterisk's web server on{perhaps}, in which ARI lives ({where}; see {ours / 'http.conf'})"
        steps.append(Step(step))
    steps += [
        Step(
            "give Asterisk callbackd's account, its part of the dialplan and what it says",
            (
                f"cat {quote(str(ours / 'ari.conf'))} >> {quote(str(accounts))}",
                f"cp {quote(str(ours / 'callbackd.conf'))} {quote(str(configuration))}/",
                f"echo '#include \"callbackd.conf\"' >> {quote(str(extensions))}",
                f"cp -r {quote(str(ours / 'sounds/en/callbackd'))} {quote(str(sounds))}/en/",
                "asterisk -rx 'core reload'",
            ),
        ),
        _queue_exit(answers, found, configuration),
    ]
    return steps


def _queue_exit(answers: Answers, found: Found, configuration: Path) -> Step:
    queues = configuration / ("queues_post_custom.conf" if found.freepbx else "queues.conf")
    context = f"context = callbackd-queue-exit-{answers.profile}"
    if answers.queue is None:
        return Step(
            f"if callers who wait in a queue shall leave it with key 1: in {queues}, in its section, {context}; and "
            f"its name at CALLBACKD_QUEUE in {configuration / 'callbackd.conf'}: who would rather wait goes back there"
        )
    section = f"[{answers.queue}](+)" if found.freepbx else f"[{answers.queue}]"
    return Step(f"let callers leave the queue with key 1: in {queues}, in the section {section}, {context}")


def _start(site: Site) -> list[Step]:
    file = site.folder / "callbackd.yaml"
    program = (
        site.program if file == Path("/etc/callbackd/callbackd.yaml") else f"{site.program} --config {quote(str(file))}"
    )
    steps = [Step("see what is still missing, line by line, with the mend", (f"{program} check", f"{program} doctor"))]
    if site.unit:
        unit = quote(str(site.folder / "callbackd.service"))
        steps.append(
            Step(
                "start it, now and at every boot",
                (f"cp {unit} /etc/systemd/system/", "systemctl daemon-reload", "systemctl enable --now callbackd"),
            )
        )
    else:
        steps.append(Step("start it", (f"{program} run",)))
    return steps
