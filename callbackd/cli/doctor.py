"""``callbackd doctor``: is the PBX, and this machine, as the configuration needs it?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from callbackd.cli.configuration import ConfigurationFile
from callbackd.cli.failure import REFUSED
from callbackd.cli.plain import plain, print_json

if TYPE_CHECKING:
    from callbackd.config import Configuration
    from callbackd.doctor.finding import Finding


@click.command(epilog="\b\nExamples:\n  callbackd doctor\n  callbackd doctor --json | jq '.findings[] | select(.mend)'")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def doctor(file: ConfigurationFile, as_json: bool) -> None:
    """Examine the live PBX and this machine.

    Each thing that callbackd needs has a line: ok, warning or failed, and what to do about it. No phone rings and
    nothing is changed; the daemon need not run. Exit 1 if something failed. Run it as the user of the daemon.
    """
    import asyncio

    from callbackd.doctor.finding import Result

    findings = asyncio.run(_examine(file.load(), quiet=as_json))
    failures = sum(finding.result is Result.FAILED for finding in findings)
    if as_json:
        print_json({"ok": not failures, "findings": [_shape(finding) for finding in findings]})
    else:
        warnings = sum(finding.result is Result.WARNING for finding in findings)
        click.echo(f"{failures} failed, {warnings} to be looked at, {len(findings) - failures - warnings} ok")
    if failures:
        raise click.exceptions.Exit(REFUSED)


async def _examine(configuration: Configuration, *, quiet: bool) -> list[Finding]:
    from callbackd.doctor.examination import examine

    findings = []
    async for finding in examine(configuration, lambda: datetime.now(UTC)):
        findings.append(finding)
        if not quiet:
            mend = f"; mend: {finding.mend}" if finding.mend else ""
            click.echo(plain(f"{finding.result:<8} {finding.check}: {finding.message}{mend}"))
    return findings


def _shape(finding: Finding) -> dict[str, str | None]:
    return {
        "check": finding.check,
        "result": finding.result.value,
        "message": finding.message,
        "mend": finding.mend,
    }
