"""``callbackd schema``: the settings described, for editors."""

from __future__ import annotations

import click

from callbackd.cli.plain import print_json


@click.command(
    epilog="\b\nExamples:\n"
    "  callbackd schema profile > /etc/callbackd/schema/profile.schema.json\n"
    "  callbackd schema settings | jq '.properties | keys'",
)
@click.argument("document", metavar="[profile|settings]", type=click.Choice(["profile", "settings"]))
def schema(document: str) -> None:
    """Print the JSON Schema of a profile, or of the settings.

    With it an editor completes and checks them. `callbackd init` puts both beside the configuration, and every sample
    names its own in the first line, as `# yaml-language-server: $schema=...`.
    """
    from callbackd.config.schema import Document, json_schema

    print_json(json_schema(Document(document)))
