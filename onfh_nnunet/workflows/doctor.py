"""Checks of this installation: whether the main tasks can run, and what is missing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DISTRIBUTION = "onfh-nnunet"
PACKAGES = ("onfh_nnunet", "dataset_conversion", "postprocessing")
ROOM_GB = 5.0
"""A cohort of 63 hips, raw and preprocessed, with four folds of checkpoints, takes about this much."""


@dataclass(frozen=True)
class HealthCheck:
    """The result of one check."""

    subject: str
    fine: bool
    text: str


def diagnose(work: Path) -> list[HealthCheck]:
    """Check versions, device, disk and shadowed packages."""
    python = HealthCheck("python", sys.version_info >= (3, 11), sys.version.split()[0])
    return [python, *_requirements(), _device(), _room(work), *_shadows(Path.cwd())]


def _requirements() -> Iterator[HealthCheck]:
    from packaging.requirements import Requirement

    for text in importlib.metadata.requires(DISTRIBUTION) or ():
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            yield HealthCheck(requirement.name, False, f"is not installed; wanted {requirement.specifier}")
            continue
        fine = requirement.specifier.contains(version, prereleases=True)
        yield HealthCheck(requirement.name, fine, version if fine else f"{version}, wanted {requirement.specifier}")


def _device() -> HealthCheck:
    try:
        from onfh_nnunet.core.cores import available_cores
        from onfh_nnunet.core.devices import Device, gpu_count, resolve_device

        device = resolve_device(Device.AUTO)
        many = f", {gpu_count()} GPUs" if device is Device.CUDA else f", {available_cores()} cores"
    except (ImportError, OSError, RuntimeError) as error:
        return HealthCheck("device", False, f"torch cannot be used ({error})")
    return HealthCheck("device", True, f"{device}{many}")


def _room(work: Path) -> HealthCheck:
    folder = next(path for path in (work.resolve(), *work.resolve().parents) if path.exists())
    free = shutil.disk_usage(folder).free / 1e9
    writable = os.access(folder, os.W_OK)
    text = f"{free:.1f} GB free at {folder}" + ("" if writable else ", which may not be written")
    return HealthCheck("disk", free >= ROOM_GB and writable, text)


def _shadows(current: Path) -> Iterator[HealthCheck]:
    """Check that no other distribution or local folder hides one of our packages, whose names are generic."""
    home = Path(__file__).resolve().parents[2]
    owners = importlib.metadata.packages_distributions()
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        found = Path(spec.origin).resolve().parents[1] if spec and spec.origin else None
        others = sorted(set(owners.get(name, [])) - {DISTRIBUTION})
        local = current.resolve()
        if found != home:
            yield HealthCheck(name, False, f"is taken from {found}, not from {home}")
        elif others:
            yield HealthCheck(name, False, f"is also a package of {', '.join(others)}; use a separate environment")
        elif local != home and any((local / hit).exists() for hit in (name, f"{name}.py")):
            yield HealthCheck(name, False, f"may be hidden by {local / name}; run from another folder")
        else:
            yield HealthCheck(name, True, str(home))
