"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.devices import Device

Work = Annotated[Path, typer.Option("--work", help="Folder of the study: data, plan, trained folds, tables.")]
DeviceOption = Annotated[Device, typer.Option("--device", help="auto takes cuda, then mps, then cpu.")]

DEFAULT_WORK = Path("work")
