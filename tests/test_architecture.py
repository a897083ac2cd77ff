"""The shape of the code: imports point one way, and nothing is left for later without a place to be found."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "callbackd"
MODULES = sorted(PACKAGE.rglob("*.py"))

DOORS = ("http", "cli", "agi", "mqtt", "webhooks", "metrics", "portal")

BELOW_THE_DOORS = ["callbackd.engine", "callbackd.domain", "callbackd.config", "callbackd.store.interface"]

MAY_IMPORT = {
    "callbackd.domain": ["callbackd.domain"],
    "callbackd.ari": ["callbackd.ari", "callbackd.domain"],
    "callbackd.store": ["callbackd.store", "callbackd.domain"],
    "callbackd.config": ["callbackd.config", "callbackd.domain"],
    "callbackd.engine": ["callbackd.engine", "callbackd.domain", "callbackd.store.interface"],
    # What the doors share; no door itself, and nothing that a door may not see.
    "callbackd.wire": ["callbackd.wire", *BELOW_THE_DOORS],
    # Looks at a PBX and a machine on its own, without an engine; the command that prints what it finds is thin.
    "callbackd.doctor": [
        *("callbackd.doctor", "callbackd.ari", "callbackd.config", "callbackd.domain", "callbackd.share")
    ],
    # The files that go with the program; the first configuration is made of them, and the command for it is thin.
    "callbackd.share": ["callbackd.share"],
    "callbackd.initial": ["callbackd.initial", "callbackd.share", "callbackd.config", "callbackd.domain"],
    **{
        f"callbackd.cli.{command}": ["callbackd.cli", "callbackd.initial", "callbackd.config", "callbackd.domain"]
        for command in ("init", "first_answers")
    },
    # What the service manager is told; it knows sockets and no part of the daemon.
    "callbackd.notify": ["callbackd.notify"],
    # Needs no daemon, and only reads the database.
    "callbackd.cli.backup": [
        *("callbackd.cli", "callbackd.config", "callbackd.store.copying", "callbackd.store.interface")
    ],
    "callbackd.cli.doctor": ["callbackd.cli", "callbackd.doctor", "callbackd.config", "callbackd.domain"],
    **{door: [door, "callbackd.wire", *BELOW_THE_DOORS] for door in (f"callbackd.{name}" for name in DOORS)},
}
"""Each package, and what of callbackd it may import. The root package holds the version, which everybody may read."""

BUILDERS = {"callbackd.daemon", "callbackd.process", "callbackd.cli.main", "callbackd.cli.run"}
"""These put the parts together, or start what does."""

FREE = {"callbackd", "callbackd.__main__", "callbackd.journal", "callbackd.loop"} | BUILDERS
"""Modules that belong to no package of `MAY_IMPORT`, or are above them."""


def name_of(path: Path) -> str:
    """The dotted name of a module's file."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything of callbackd that a module imports, wherever in it."""
    existing = {name_of(module) for module in MODULES}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield node.lineno, whole if whole in existing else str(node.module)


def within(name: str, package: str) -> bool:
    """Whether a module is that package or in it."""
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_one_way(path: Path) -> None:
    """Doors -> engine -> domain; ari, store and config know domain, never each other or the doors."""
    name = name_of(path)
    if name in FREE:
        return
    package = next((package for package in MAY_IMPORT if within(name, package)), None)
    assert package is not None, f"{name} is in no package whose imports are settled: add it to MAY_IMPORT"
    wrong = [
        f"{path}:{line}: {imported}"
        for line, imported in imports_of(path)
        if within(imported, "callbackd")
        and imported != "callbackd"
        and not any(within(imported, allowed) for allowed in MAY_IMPORT[package])
    ]
    assert not wrong, f"{package} may import only {', '.join(MAY_IMPORT[package])}\n" + "\n".join(wrong)


def test_nothing_but_the_builders_imports_the_daemon() -> None:
    """Whoever imports `callbackd.daemon` imports everything."""
    importers = {name_of(path) for path in MODULES for _, name in imports_of(path) if name == "callbackd.daemon"}
    assert importers <= BUILDERS


def test_the_domain_touches_nothing_outside() -> None:
    """No I/O, no asyncio, no clock of its own."""
    forbidden = {"asyncio", "aiohttp", "aiosqlite", "sqlite3", "socket", "logging", "time", "random", "os", "pathlib"}
    for path in (PACKAGE / "domain").glob("*.py"):
        for line, imported in imports_of(path):
            assert imported.partition(".")[0] not in forbidden, f"{path}:{line}: {imported}"


def test_no_module_is_named_utils() -> None:
    """A name that says nothing gathers everything."""
    assert not list(PACKAGE.rglob("*util*"))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_note_to_self(path: Path) -> None:
    """What is to be done belongs where it is found, not into the source."""
    text = path.read_text()
    assert not [word for word in ("TODO", "FIXME", "XXX") if word in text]


def test_the_rig_shares_nothing_with_what_it_judges() -> None:
    """The rig imports nothing of callbackd."""
    for path in (PACKAGE.parent / "rig").rglob("*.py"):
        assert not [name for _, name in imports_of(path) if within(name, "callbackd")], path
