"""What a result was made with: named facts, recorded beside it and compared with those of now before it is used.

Plan, trained fold, cross-validation, dataset, converted case, predicted scan and synthetic cohort all keep this one
kind of record. Facts that may name a patient are kept as a keyed hash of `text`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onfh_nnunet.core.atomic_files import write_text
from onfh_nnunet.core.errors import StaleError

_SHA256 = "_sha256"
_SHOWN_DIGITS = 12


@dataclass(frozen=True)
class Provenance:
    """Facts that decide what a result is.

    Args:
        facts: By name, such as ``epochs`` or ``dataset_sha256``; values as JSON has them, and kept as it reads them.
    """

    facts: Mapping[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "facts", json.loads(json.dumps(dict(self.facts))))

    @classmethod
    def read(cls, path: Path) -> Provenance | None:
        """The record in a file; None where there is none that can be read."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return cls(content) if isinstance(content, dict) else None

    def write(self, path: Path) -> None:
        """Write the record whole.

        Raises:
            WorkspaceError: It cannot be written.
        """
        write_text(path, json.dumps(self.facts, indent=1) + "\n")

    @property
    def text(self) -> str:
        """All facts in one line, the same for the same facts in any order; to be hashed."""
        return json.dumps(self.facts, sort_keys=True)

    def changes(self, now: Provenance) -> list[str]:
        """What differs, as ``epochs 2, expected 7``; nothing where all facts are the same."""
        names = [*now.facts, *(name for name in self.facts if name not in now.facts)]
        pairs = ((name, self.facts.get(name), now.facts.get(name)) for name in names)
        return [f"{_called(name)} {_shown(name, got)}, expected {_shown(name, wanted)}"
                for name, got, wanted in pairs if got != wanted]  # fmt: skip

    def require_same(self, now: Provenance, subject: object, remedy: str) -> None:
        """Refuse a result that was made with something else than there is now.

        Args:
            now: What it would be made with now.
            subject: The result, for the message.
            remedy: What to do.

        Raises:
            StaleError: A fact differs; each that does is named, with both values.
        """
        if changes := self.changes(now):
            raise StaleError(subject, f"was made with {'; '.join(changes)}", remedy)


def _called(name: str) -> str:
    return name.removesuffix(_SHA256).replace("_", " ")


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "none"
    return str(value)[:_SHOWN_DIGITS] if name.endswith(_SHA256) else str(value)
