"""``callbackd init``: what it writes is right whatever was answered, fits the PBX, and is never put over another."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from callbackd.cli.main import main
from callbackd.config.load import load
from callbackd.initial import pbx
from callbackd.initial.files import dialplan

PATIENCE = 30.0


@pytest.fixture(autouse=True)
def nothing_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without a PBX, whatever this one has."""
    look, nowhere = pbx.look, tmp_path / "no-root"
    monkeypatch.setattr(pbx, "look", lambda root=nowhere: look(root))


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, ["init", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ---- what it writes -------------------------------------------------------------------------------------------------


def test_without_a_terminal_it_works_on_defaults_and_passes_check(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    result = run(str(folder))
    assert result.exit_code == 0
    written = set(contents(folder))
    assert written >= {
        "callbackd.yaml",
        "ari-password",
        "profiles/support.yaml",
        "schema/profile.schema.json",
        "schema/settings.schema.json",
        "asterisk/callbackd.conf",
        "asterisk/ari.conf",
        "asterisk/http.conf",
        "asterisk/sounds/en/callbackd/agent-intro.wav",
    }
    checked = CliRunner().invoke(main, ["--config", str(folder / "callbackd.yaml"), "check"])
    assert checked.exit_code == 0
    assert "0 errors, 0 warnings" in checked.stdout
    for assumed in ("--endpoint", "--zone", "--country", "--allow", "--trunk"):
        assert assumed in result.stdout, "what nobody said is told"


def test_the_password_is_secret_new_and_the_same_on_both_sides(tmp_path: Path) -> None:
    shown = run(str(tmp_path / "a")).output + run(str(tmp_path / "b"), "--json").output
    passwords = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        for secret in ("ari-password", "asterisk/ari.conf"):
            assert (folder / secret).stat().st_mode & 0o777 == 0o600
        ours = (folder / "ari-password").read_text().strip()
        assert f"password = {ours}\n" in (folder / "asterisk/ari.conf").read_text()
        assert load(folder / "callbackd.yaml", strict_env=True).settings.ari.password.reveal() == ours
        assert ours not in shown
        passwords.append(ours)
    assert len(set(passwords)) == 2
    assert all(len(password) >= 40 for password in passwords)


def test_every_option_reaches_its_place(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    result = run(
        *(
            str(folder),
            "--profile",
            "sales-eu",
            "--label",
            'Sales: "EU"',
            "--ari-url",
            "https://pbx.example.com:8089/ari",
        ),
        *("--ari-user", "cb", "--queue", "sales", "--zone", "Europe/Berlin", "--trunk", "carrier-1"),
        *("--hours", "mon-fri 08:00-12:00,13:00-17:30", "--hours", "sat 09:00-12:00"),
        *("--caller-id", "Sales <+4930123456>", "--country", "de", "--allow", "+49", "--allow", "+43"),
        *("--database", str(tmp_path / "db.sqlite3"), "--user", "phones", "--systemd"),
    )
    assert result.exit_code == 0
    configuration = load(folder / "callbackd.yaml", strict_env=True)
    ari = configuration.settings.ari
    assert (ari.url, ari.username) == ("https://pbx.example.com:8089/ari", "cb")
    assert configuration.settings.database == tmp_path / "db.sqlite3"
    profile = configuration.profiles["sales-eu"]
    assert profile.label == 'Sales: "EU"'
    assert profile.target.endpoints == ("Local/600@callbackd-agents/n",)
    assert (profile.target.queue, profile.target.timezone) == ("sales", "Europe/Berlin")
    assert profile.target.hours is not None
    assert {day: len(openings) for day, openings in profile.target.hours.week.items()} == {
        **dict.fromkeys(range(5), 2),
        5: 1,
    }
    client = profile.client
    assert (client.endpoint, client.caller_id) == ("PJSIP/{number}@carrier-1", "Sales <+4930123456>")
    assert (client.country, client.allow) == ("DE", ("+49", "+43"))
    assert (folder / "asterisk/ari.conf").read_text().count("[cb]") == 1
    extensions = (folder / "asterisk/callbackd.conf").read_text()
    assert "[callbackd-queue-exit-sales-eu]" in extensions
    assert "Queue(sales,r)" in extensions
    assert "@carrier-1)" in extensions
    assert "support" not in re.sub(r"^;.*$", "", extensions, flags=re.MULTILINE)
    unit = (folder / "callbackd.service").read_text()
    assert f"--config {folder}/callbackd.yaml run" in unit
    assert "\nUser=phones\n" in unit
    assert "assumed" not in result.stdout


PREFIXES = st.sampled_from(["+1", "+49", "+4420", "+61"])
OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "--profile": st.from_regex(r"[a-z0-9][a-z0-9_-]{0,31}", fullmatch=True),
    "--label": st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1, max_size=80),
    "--ari-url": st.sampled_from(
        ["http://10.0.0.5:8088/ari", "https://pbx.example.com/asterisk/ari", "http://[::1]:8088/ari"]
    ),
    "--ari-user": st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}", fullmatch=True).filter(
        lambda name: name != "general"
    ),
    "--queue": st.from_regex(r"[A-Za-z0-9_.@+-]{1,80}", fullmatch=True),
    "--zone": st.sampled_from(["America/Toronto", "Europe/London", "UTC", "Asia/Kolkata", "Etc/GMT-3"]),
    "--country": st.sampled_from(["CA", "no", "GB", "IN"]),
    "--trunk": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", fullmatch=True),
    "--client-endpoint": st.sampled_from(["Local/{number}@out/n", "PJSIP/9{national}@t", "SIP/{digits}#@x;a=b"]),
    "--caller-id": st.sampled_from(["Acme: #1 <+14165550100>", "<+14165550100>", "Müller & Söhne <14165550100>"]),
    "--database": st.sampled_from(["/srv/a b/x.sqlite3", "x: #y", "/var/lib/callbackd/callbackd.sqlite3"]),
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    options=st.fixed_dictionaries({}, optional=OPTIONS),
    endpoints=st.lists(st.sampled_from(["PJSIP/1001", "Local/6#0@a/n", "PJSIP/1002"]), max_size=3, unique=True),
    allow=st.lists(PREFIXES, max_size=3, unique=True),
    hours=st.sampled_from(
        [[], ["always"], ["mon-fri 09:00-12:00,13:00-17:00", "sat 22:00-06:00"], ["mon-sun 00:00-24:00"]]
    ),
)
@example({"--label": "country: CA, on"}, [], [], [])
@example({"--label": "on"}, [], [], [])
@example({"--label": "${HOME} $${x} '\"\\ #"}, [], [], [])
def test_whatever_is_answered_passes_check(
    options: dict[str, str], endpoints: list[str], allow: list[str], hours: list[str]
) -> None:
    assume(options.get("--label", "x").strip())
    words = [word for pair in options.items() for word in pair]
    for name, values in (("--endpoint", endpoints), ("--allow", allow), ("--hours", hours)):
        words += [word for value in values for word in (name, value)]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "new"
        result = run(str(folder), *words)
        assert result.exit_code == 0, result.output
        configuration = load(folder / "callbackd.yaml", strict_env=True, environ={})
        assert configuration.warnings == ()
        (profile,) = configuration.profiles.values()
        assert profile.id == options.get("--profile", "support")
        if "--label" in options:
            assert profile.label == options["--label"].strip()
        if "--queue" in options and options["--queue"].lower() != "none":
            assert profile.target.queue == options["--queue"]
        if endpoints:
            assert list(profile.target.endpoints) == endpoints
        if allow:
            assert list(profile.client.allow) == allow


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--zone", "Europe/Lundon"),
        ("--country", "XX"),
        ("--allow", "0049"),
        ("--endpoint", "PJSIP/1001&PJSIP/1002"),
        ("--trunk", "a)\nsame => n,System(x"),
        ("--queue", "a,b"),
        ("--profile", "Not An Id"),
        ("--ari-url", "http://127.0.0.1:8088"),
        ("--ari-user", "a]\n[b"),
        ("--client-endpoint", "PJSIP/{name}@trunk"),
        ("--caller-id", "nobody"),
        ("--hours", "whenever"),
        ("--hours", "mon-fri"),
        ("--label", "two\nlines"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_and_nothing_is_written(tmp_path: Path, option: str, value: str) -> None:
    result = run(str(tmp_path / "new"), option, value)
    assert result.exit_code == 2
    assert option in result.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("hours", "why"),
    [
        (["mon-fri 09:00-17:00", "fri 08:00-12:00"], "named twice: by 'mon-fri' and by 'fri'"),
        (["mon-fri 25:00-17:00"], "00:00 to 23:59"),
        (["mon-fry 09:00-17:00"], "a weekday"),
        (["mon 09:00-12:00,11:00-13:00"], "overlap"),
        (["mon -"], "expected"),
        (["always", "mon 09:00-17:00"], "'always' alone"),
    ],
)
def test_hours_that_only_a_profile_can_judge_are_refused_too(tmp_path: Path, hours: list[str], why: str) -> None:
    result = run(str(tmp_path / "new"), *(word for each in hours for word in ("--hours", each)))
    assert result.exit_code == 2
    assert "'--hours'" in result.stderr
    assert why in result.stderr
    assert not (tmp_path / "new").exists()


def test_an_error_ends_with_one_stop(tmp_path: Path) -> None:
    assert "did you mean 'GB'?\n" in run(str(tmp_path / "new"), "--country", "UK").stderr


# ---- never over another's file --------------------------------------------------------------------------------------


def test_again_changes_nothing_and_is_no_failure(tmp_path: Path) -> None:
    run(str(tmp_path), "--queue", "support")
    before = contents(tmp_path)
    again = run(str(tmp_path), "--queue", "support")
    assert again.exit_code == 0
    assert "written" not in again.stdout
    assert contents(tmp_path) == before


def test_what_is_there_is_kept_told_and_the_rest_is_written(tmp_path: Path) -> None:
    mine = {"callbackd.yaml": "ari: {password: mine}\n", "asterisk/callbackd.conf": "; mine\n"}
    for name, text in mine.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    result = run(str(tmp_path), "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["kept"] == [str(tmp_path / name) for name in mine]
    assert str(tmp_path / "profiles/support.yaml") in told["written"]
    for name, text in mine.items():
        assert (tmp_path / name).read_text() == text


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    (tmp_path / "new").mkdir()
    (tmp_path / "new/callbackd.yaml").symlink_to(victim)
    assert run(str(tmp_path / "new")).exit_code == 1
    assert not victim.exists()


@pytest.mark.parametrize("lost", ["ari-password", "asterisk/ari.conf"])
def test_a_lost_half_gets_the_password_of_the_other(tmp_path: Path, lost: str) -> None:
    run(str(tmp_path))
    before = contents(tmp_path)
    (tmp_path / lost).unlink()
    assert run(str(tmp_path)).exit_code == 0
    assert contents(tmp_path) == before


def test_a_folder_that_can_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run(str(tmp_path / "file" / "below"))
    assert result.exit_code == 1
    assert "file" in result.stderr
    assert run(str(tmp_path / "file")).exit_code == 1


# ---- for this PBX ---------------------------------------------------------------------------------------------------

PLAIN = {
    "etc/asterisk/http.conf": "[general]\nenabled = yes\nbindaddr = 0.0.0.0\nbindport = 8188 ; ours\nprefix = pbx\n",
    "etc/asterisk/queues.conf": "[general]\n[std](!)\n[service](std)\nmember => PJSIP/201\n[600]\n",
    "etc/asterisk/pjsip.conf": "[phone](!)\ntype=endpoint\n[201](phone)\ntype=endpoint\n[202]\ntype = endpoint\n"
    "[carrier]\ntype=endpoint\n[carrier-id]\ntype=identify\nendpoint=carrier\n[201]\ntype=aor\n",
    "etc/asterisk/asterisk.conf": "[directories](!)\nastdatadir => /srv/asterisk\n",
    "etc/timezone": "Europe/Berlin\n",
    "srv/asterisk/sounds/en/beep.gsm": "",
}
FREEPBX = {
    "etc/freepbx.conf": "<?php\n",
    "etc/asterisk/http.conf": "#include http_additional.conf\n",
    "etc/asterisk/http_additional.conf": "[general]\nenabled=no\nbindaddr=127.0.0.1\nbindport=8088\n",
    "etc/asterisk/queues.conf": "#include queues_additional.conf\n",
    "etc/asterisk/queues_additional.conf": "[600]\nannounce-frequency=30\n",
    "etc/asterisk/pjsip.endpoint.conf": "[1001]\ntype=endpoint\n[siptrunk]\ntype=endpoint\n",
    "etc/asterisk/pjsip.registration.conf": "[siptrunk]\ntype=registration\n",
    "var/lib/asterisk/sounds/en/beep.gsm": "",
}


def machine(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_an_asterisk_is_read(tmp_path: Path) -> None:
    root = machine(tmp_path, PLAIN)
    before = contents(root)
    found = pbx.look(root)
    assert found == pbx.Found(
        asterisk=root / "etc/asterisk",
        ari_url="http://127.0.0.1:8188/pbx/ari",
        http_enabled=True,
        sounds=root / "srv/asterisk/sounds",
        queues=("service", "600"),
        phones=("201", "202"),
        trunks=("carrier",),
        zone="Europe/Berlin",
        country="DE",
    )
    assert contents(root) == before


def test_what_was_found_is_what_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = pbx.look(machine(tmp_path / "root", PLAIN))
    monkeypatch.setattr(pbx, "look", lambda: found)
    result = run(str(tmp_path / "new"))
    configuration = load(tmp_path / "new/callbackd.yaml", strict_env=True)
    (profile,) = configuration.profiles.values()
    assert configuration.settings.ari.url == found.ari_url
    assert (profile.target.queue, profile.target.timezone) == ("service", "Europe/Berlin")
    assert (profile.client.endpoint, profile.client.allow) == ("PJSIP/{number}@carrier", ("+49",))
    assert "--allow" in result.stdout, "what may be dialled is a decision, whatever was found"
    assert str(found.sounds) in result.stdout
    assert "web server" not in result.stdout, "it is on already"
    assert "in the section [service], context = callbackd-queue-exit-support" in result.stdout


def test_a_web_server_that_nothing_tells_of_is_a_step_too(tmp_path: Path) -> None:
    assert "web server on, unless it is" in run(str(tmp_path / "new")).stdout


def test_without_a_queue_the_exit_needs_one_to_go_back_to(tmp_path: Path) -> None:
    result = run(str(tmp_path / "new"), "--endpoint", "PJSIP/201")
    assert "CALLBACKD_QUEUE" in result.stdout
    assert "Set(CALLBACKD_QUEUE=)" in (tmp_path / "new/asterisk/callbackd.conf").read_text()


def test_freepbx_has_files_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = pbx.look(machine(tmp_path / "root", FREEPBX))
    assert found.freepbx
    assert (found.queues, found.phones, found.trunks) == (("600",), ("1001",), ("siptrunk",))
    monkeypatch.setattr(pbx, "look", lambda: found)
    result = run(str(tmp_path / "new"))
    for name in (
        "extensions_custom.conf",
        "ari_additional_custom.conf",
        "queues_post_custom.conf",
        "Advanced Settings",
    ):
        assert name in result.stdout
    assert "exten => 600,1," in (tmp_path / "new/asterisk/callbackd.conf").read_text()


@pytest.mark.parametrize("text", ["[general\n", "\0\xff", "[general]\nbindport = x;y\n", "[general]\nbindaddr=`id`\n"])
def test_a_strange_file_is_as_none(tmp_path: Path, text: str) -> None:
    files = {f"etc/asterisk/{name}.conf": text for name in ("http", "queues", "pjsip", "asterisk")}
    found = pbx.look(machine(tmp_path, {**files, "etc/timezone": text}))
    assert found.ari_url == pbx.USUAL_URL
    assert (found.zone, found.trunks) == (None, ())


def test_the_shipped_dialplan_has_a_place_for_every_name(tmp_path: Path) -> None:
    """`dialplan` fails on a place that is gone; and the sample's own answers give the sample's own code."""
    from callbackd import share
    from callbackd.initial.answers import Answers

    answers = Answers(
        *("support", "Support", pbx.USUAL_URL, "callbackd", ("PJSIP/1",), "support", "UTC", (), "PJSIP/{number}@trunk"),
        *("trunk", None, "CA", ("+1",), tmp_path, "callbackd"),
    )
    code = [line for line in dialplan(answers).splitlines() if not line.startswith(";")]
    sample = [line for line in (share.DIALPLAN / "callbackd.conf").read_text().splitlines() if not line.startswith(";")]
    assert code == [
        line.replace('"support"', "support") if "NoOp(A call-back asks" in line else line for line in sample
    ]


# ---- at a terminal --------------------------------------------------------------------------------------------------


def test_at_a_terminal_it_asks_and_asks_again_for_what_does_not_fit(tmp_path: Path) -> None:
    """A real terminal: return takes what is offered, a wrong answer is explained and asked again."""
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "callbackd", "init", str(tmp_path / "new"), "--zone", "Europe/London"]
    with subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True) as asked:
        os.close(theirs)
        dialogue = [
            ("profile's id", "sales"),
            ("name for people", ""),
            ("ARI's URL", ""),
            ("queue", "none"),
            ("agents' phones", "PJSIP/201 PJSIP/202"),
            ("calls may start", "mon-fri 09:00-17:00; fri 08:00-12:00"),
            ("named twice", "always"),
            ("without +", "UK"),
            ("did you mean 'GB'", "GB"),
            ("may be dialled", ""),
            ("trunk", "carrier"),
            ("clients' phones show", ""),
        ]
        seen = ""
        for question, answer in dialogue:
            seen = _until(ours, question, seen)
            os.write(ours, f"{answer}\n".encode())
        _until(ours, "Next:", seen)
        _drain(ours)
        assert asked.wait(PATIENCE) == 0
    os.close(ours)
    (profile,) = load(tmp_path / "new/callbackd.yaml", strict_env=True).profiles.values()
    assert (profile.id, profile.label) == ("sales", "Sales")
    assert profile.target.endpoints == ("PJSIP/201", "PJSIP/202")
    assert profile.target.hours is None
    assert (profile.client.country, profile.client.allow) == ("GB", ("+44",))


def _until(terminal: int, wanted: str, seen: str) -> str:
    """Read until `wanted` was shown; what came after it."""
    until = time.monotonic() + PATIENCE
    while wanted not in seen:
        assert select.select([terminal], [], [], max(0.0, until - time.monotonic()))[0], f"{wanted!r} not in {seen!r}"
        seen += os.read(terminal, 4096).decode()
    return seen.partition(wanted)[2]


def _drain(terminal: int) -> None:
    """Read to the end, so that the other side is not kept waiting."""
    try:
        while os.read(terminal, 4096):
            pass
    except OSError:
        return
