"""``onfh crossval``."""

from __future__ import annotations

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import DEFAULT_WORK, DeviceOption, Work
from onfh_nnunet.core.devices import Device
from onfh_nnunet.study.workspace import Workspace


def crossval(work: Work = DEFAULT_WORK, device: DeviceOption = Device.AUTO) -> None:
    """Judge each hip by the fold that never saw it: masks, tables and agreement."""
    from onfh_nnunet.workflows.crossval import cross_validate

    with console.steps("crossval") as progress:
        folder = cross_validate(Workspace.open(work), device, progress)
    console.crossval_tables(folder)
    console.say(f"tables and masks: {folder}")
