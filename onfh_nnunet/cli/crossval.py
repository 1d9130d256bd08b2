"""``onfh crossval``."""

from __future__ import annotations

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import DEFAULT_WORK, DeviceOption, Quiet, Work
from onfh_nnunet.cli.progress import steps
from onfh_nnunet.cli.result_tables import crossval_tables
from onfh_nnunet.core.devices import Device


def crossval(work: Work = DEFAULT_WORK, device: DeviceOption = Device.AUTO, _quiet: Quiet = False) -> None:
    """Judge each hip by the fold that never saw it: masks, tables and agreement."""
    from onfh_nnunet.workflows.crossval import cross_validate

    with steps("crossval") as step:
        cross_validate(work, device, progress=step)
    crossval_tables(work / "crossval")
    console.result(f"tables and masks: {work / 'crossval'}")
    console.next_step("report", work / "crossval")
    console.next_step("export", "--work", work, "--out", work / "model.safetensors")
