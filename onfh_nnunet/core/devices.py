"""Choice of the computing device: the requested one, or the best available."""

from __future__ import annotations

from enum import StrEnum

from onfh_nnunet.core.errors import DeviceError


class Device(StrEnum):
    """The computing device."""

    AUTO = "auto"
    CUDA = "cuda"
    MPS = "mps"
    CPU = "cpu"


def resolve_device(wanted: Device) -> Device:
    """Resolve `auto` to cuda, then mps, then cpu; check that any other device is available.

    Raises:
        DeviceError: The wanted device is not on this machine, or this torch was built without it.
    """
    import torch

    present = {Device.CUDA: torch.cuda.is_available(), Device.MPS: torch.backends.mps.is_available(), Device.CPU: True}
    if wanted is Device.AUTO:
        return next(device for device, here in present.items() if here)
    if not present[wanted]:
        here = ", ".join(device for device, is_here in present.items() if is_here)
        raise DeviceError(
            f"device {wanted}", f"is not available; torch {torch.__version__} sees {here}", "Use `device` auto"
        )
    return wanted


def gpu_count() -> int:
    """The number of NVIDIA GPUs that torch sees."""
    import torch

    return int(torch.cuda.device_count())
