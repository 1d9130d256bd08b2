"""The mean of the weights after both rounds of `train_real`: it sees less that is not there than either.

    python -m recipes.averaged FIRST.safetensors SECOND.safetensors OUT.safetensors

Such a mean of weights along one training generalises better than its end (Izmailov et al., UAI 2018, arXiv 1803.05407).
"""

from __future__ import annotations

import argparse
from importlib.metadata import version
from pathlib import Path

from onfh_nnunet.models.model_file import ModelFile
from recipes import plain_unet
from recipes.deepen import FIVE_STAGES, write
from recipes.train_real import CAUTION


def main() -> None:
    """Write the model file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("first", "second", "out"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    first, second = (ModelFile.read(path).model.weights[0] for path in (options.first, options.second))
    network = plain_unet.network(FIVE_STAGES)
    network.load_state_dict({name: (value + second[name]) / 2 for name, value in first.items()})
    write(options.out, network, {"recipe": "recipes/averaged.py", "torch": version("torch")}, CAUTION)


if __name__ == "__main__":
    main()
