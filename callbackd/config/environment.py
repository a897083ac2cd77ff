"""``${NAME}`` in values: replaced after parsing, so that what a variable holds is never read as YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping as EnvironmentVariables
from dataclasses import dataclass

from callbackd.config.nodes import Mapping, Node, Scalar, Sequence
from callbackd.config.problems import Problems

_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}|(?P<broken>\$\{)")


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables that files may name. `strict`: one that is not set is an error, else a warning."""

    variables: EnvironmentVariables[str, str]
    strict: bool

    def fill_in(self, node: Node, problems: Problems) -> Node:
        """`node` with every ``${NAME}`` in its values replaced; keys are left alone, ``$${`` stands for ``${``."""
        match node:
            case Scalar():
                return self._fill_in_text(node, problems)
            case Sequence():
                return Sequence(tuple(self.fill_in(item, problems) for item in node.items), node.place)
            case Mapping():
                return Mapping(tuple((key, self.fill_in(value, problems)) for key, value in node.entries), node.place)

    def _fill_in_text(self, scalar: Scalar, problems: Problems) -> Scalar:
        if "${" not in scalar.text:
            return scalar
        unknown = False

        def value_of(reference: re.Match[str]) -> str:
            nonlocal unknown
            name = reference["name"]
            if reference["broken"]:
                problems.error(
                    scalar.place,
                    "'${' must be followed by a variable's name and '}', as in ${NAME}; write $${ for the characters",
                )
                unknown = True
            elif name is None:
                return "${"
            elif name in self.variables:
                return self.variables[name]
            else:
                report = problems.error if self.strict else problems.warning
                report(scalar.place, f"the environment variable {name} is not set")
                unknown = True
            return reference[0]

        text = _REFERENCE.sub(value_of, scalar.text)
        return Scalar(text, scalar.written, scalar.place, scalar.plain, unset=unknown)
