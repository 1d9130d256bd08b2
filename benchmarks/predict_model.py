"""Write a model file of the `paper` preset's network for hips of 1.125 x 0.59 x 0.59 mm, with random weights.

    python -m benchmarks.predict_model FILE

Time and memory do not depend on the weights, and no trained model of this size comes with the project.
"""

from __future__ import annotations

import sys
from pathlib import Path

from onfh_nnunet.core.hip_crop import HIP_BOX_KEY, HIP_BOX_MM
from onfh_nnunet.models.model import Model
from onfh_nnunet.models.model_card import Card
from onfh_nnunet.models.model_file import write_model_file
from recipes.plain_unet import DATASET, network, plans

PATCH = (64, 128, 128)
SPACING_MM = (1.125, 0.5859375, 0.5859375)
FEATURES = (32, 64, 128, 256, 320)
STRIDES = ((1, 1, 1), *((2, 2, 2),) * 4)
FOLDS = 4


def main() -> None:
    """Write the model file that the only argument names, and print the number of parameters per fold."""
    from onfh_nnunet.models.model import n_parameters

    model = _model()
    write_model_file(Path(sys.argv[1]), model, Card())
    print(n_parameters(model.weights[0]))


def _model() -> Model:
    """Four folds of a plain U-Net of five stages, with random weights."""
    import torch

    plan, folds = plans("paper", PATCH, SPACING_MM, FEATURES, STRIDES, decoder=2), {}
    for fold in range(FOLDS):
        torch.manual_seed(fold)
        folds[fold] = network(plan).state_dict()
    return Model(plan, DATASET | {HIP_BOX_KEY: HIP_BOX_MM}, (0, 1, 2), folds)


if __name__ == "__main__":
    main()
