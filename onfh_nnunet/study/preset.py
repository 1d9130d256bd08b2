"""Presets for planning and training with nnU-Net."""

from __future__ import annotations

from dataclasses import dataclass

from onfh_nnunet.core.choices import PresetName
from onfh_nnunet.core.errors import TrainingError
from onfh_nnunet.core.grid import Triple

CONFIGURATION = "3d_fullres"


@dataclass(frozen=True)
class Preset:
    """The settings of one preset.

    Args:
        name: The preset's name, and nnU-Net's name of the plans.
        planner: Class in `onfh_nnunet.nnunet.planner`.
        epochs: Training epochs.
        iterations: Training batches an epoch.
        validation_iterations: Batches an epoch for the pseudo Dice.
        save_every: Epochs between checkpoints to resume from.
        spacing_mm: Target spacing (z, y, x); None leaves it to nnU-Net.
        mirroring: Whether training mirrors head-foot and front-back; never left-right, which would lose the side.
        learning_rate: Of AdamW with a cosine schedule; None keeps nnU-Net's SGD, which needs its 1000 epochs.
    """

    name: PresetName
    planner: str
    epochs: int = 1000
    iterations: int = 250
    validation_iterations: int = 50
    save_every: int = 10
    spacing_mm: Triple | None = None
    mirroring: bool = True
    learning_rate: float | None = None


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(PresetName.PAPER, "FiveStagePlanner"),
        Preset(PresetName.RESENC, "nnUNetPlannerResEncM"),
        Preset(
            PresetName.LAPTOP,
            "LaptopPlanner",
            epochs=100,
            iterations=50,
            validation_iterations=4,
            save_every=2,
            spacing_mm=(1.5, 1.5, 1.5),
            mirroring=False,
            learning_rate=4e-3,
        ),
        Preset(
            PresetName.QUICK,
            "QuickPlanner",
            epochs=12,
            iterations=20,
            validation_iterations=2,
            save_every=1,
            spacing_mm=(2.0, 2.0, 2.0),
            mirroring=False,
            learning_rate=4e-3,
        ),
    )
}


def preset_named(name: str) -> Preset:
    """The preset of a name.

    Raises:
        TrainingError: There is none.
    """
    if name not in PRESETS:
        raise TrainingError(
            f"preset {name!r}", f"is unknown, expected one of {', '.join(PRESETS)}", "Name one of these"
        )
    return PRESETS[name]
