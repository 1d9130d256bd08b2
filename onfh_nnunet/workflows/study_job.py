"""What `onfh watch` and the process that works on a study tell each other."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from onfh_nnunet.core.devices import Device
from onfh_nnunet.pacs.study_queue import State


@dataclass(frozen=True)
class StudyJob:
    """The work on one study.

    Args:
        study: StudyInstanceUID, or the name of an entry of the folder.
        out: OUT.
        server: The settings file of the server.
        folder: Where studies arrive; None where they arrive at the server.
        model: The model file; None takes the bundled demo model.
        device: What computes.
    """

    study: str
    out: Path
    server: Path
    folder: Path | None
    model: Path | None
    device: Device

    @property
    def text(self) -> str:
        """The job as JSON."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def of(cls, text: str) -> StudyJob:
        """The job of a JSON text."""
        given = json.loads(text)
        out, server, folder, model = (given[key] and Path(given[key]) for key in ("out", "server", "folder", "model"))
        return cls(given["study"], out, server, folder, model, Device(given["device"]))


@dataclass(frozen=True)
class Report:
    """What the work on a study came to.

    Args:
        state: Where the study stands: one of the states for good, or waiting if the server could not be reached.
        reason: Why, in a sentence.
        stop: Subject, problem and remedy of an error that every further study would meet, too.
    """

    state: State
    reason: str
    stop: tuple[str, str, str] | None = None

    @classmethod
    def of(cls, said: dict[str, Any]) -> Report:
        """The report of a line of JSON."""
        return cls(State(said["state"]), said["reason"], tuple(said["stop"]) if said["stop"] else None)


def incoming(out: Path) -> Path:
    """Where a fetched study lies while it is worked on."""
    return out / "private" / "incoming"
