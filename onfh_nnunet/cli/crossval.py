"""``onfh crossval``."""

from __future__ import annotations

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import DEFAULT_WORK, DeviceOption, Work
from onfh_nnunet.core.devices import Device


def crossval(work: Work = DEFAULT_WORK, device: DeviceOption = Device.AUTO) -> None:
    """Evaluate each hip with the fold that did not see it: masks, tables and agreement."""
    from onfh_nnunet.workflows.crossval import cross_validate

    with console.steps("crossval") as step:
        cross_validate(work, device, progress=step)
    console.crossval_tables(work / "crossval")
    console.say(f"tables and masks: {work / 'crossval'}")
