"""Calibrate the intervals of the bundled demo model again, without training it.

    python -m recipes.calibrate_synthetic OUT.safetensors

Predicts the phantoms that `train_synthetic` judges it on, and writes the same weights with a new card.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from onfh_nnunet.models.model_file import SYNTHETIC, ModelFile, write_model_file
from recipes.train_synthetic import judged


def main() -> None:
    """Write the bundled model with scores and calibration of today."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    file = ModelFile.read(SYNTHETIC)
    without = file.card.to_json() | {"calibration": None}
    write_model_file(out, file.model, type(file.card).from_json(without))
    write_model_file(out, file.model, judged(out, file.card))


if __name__ == "__main__":
    main()
