"""Passwords and the like: held so that they are never printed, and read from a file or the configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from callbackd.config.files import Unreadable, read_at_most
from callbackd.config.nodes import Scalar, is_null
from callbackd.config.section import Section

_LARGEST = 4096


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that `repr`, logs and errors don't show; `reveal` is the only way to it."""

    _text: str = field(repr=False)

    def reveal(self) -> str:
        """The text itself, for the one place that sends it."""
        return self._text

    def __str__(self) -> str:
        return "********"


def read_secret(section: Section, key: str, folder: Path, *, required: bool) -> Secret | None:
    """The secret under `key`, or in the file that `KEY_file` names (relative to `folder`): one of the two.

    A newline at the end of the file does not belong to the secret. None if there is none, or if it is wrong:
    then the problem has been told, without the secret.
    """
    file_key = f"{key}_file"
    node, file_node = section.take(key), section.take(file_key)
    if node is not None and file_node is not None:
        section.problems.error(
            file_node.place, f"{section.path(key)} and {section.path(file_key)} are both set; leave one out"
        )
        return None
    if node is not None:
        if not isinstance(node, Scalar) or is_null(node) or not node.text:
            section.problems.error(
                node.place, f"{section.path(key)}: expected the {key}, in quotes if it has special characters"
            )
            return None
        return Secret("") if node.unset else _fit(section, key, node.text, node)
    if file_node is None:
        if required:
            section.missing(key, f"set {key}, as in {key}: ${{NAME}}, or {file_key}")
        return None
    if isinstance(file_node, Scalar) and file_node.unset:
        return Secret("")
    if not isinstance(file_node, Scalar) or not file_node.text or not file_node.text.isprintable():
        section.wrong(file_key, file_node, "expected the name of a file")
        return None
    try:
        content = read_at_most(folder / file_node.text, _LARGEST + 1)
        text = content.decode()
    except Unreadable as error:
        section.wrong(file_key, file_node, str(error))
        return None
    except UnicodeDecodeError:
        section.wrong(file_key, file_node, "the file is not UTF-8 text")
        return None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text or len(content) > _LARGEST:
        section.wrong(file_key, file_node, f"the file is {'empty' if not text else 'too large for a ' + key}")
        return None
    return _fit(section, file_key, text, file_node)


def _fit(section: Section, key: str, text: str, node: Scalar) -> Secret | None:
    if any(c in text for c in "\r\n\0"):
        section.problems.error(node.place, f"{section.path(key)}: expected one line")
        return None
    return Secret(text)
