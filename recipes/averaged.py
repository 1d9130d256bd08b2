"""The mean of the weights after both rounds of `train_real`: it sees less that is not there than either.

    python -m recipes.averaged FIRST.safetensors SECOND.safetensors OUT.safetensors

Such a mean of weights along one training generalises better than its end (Izmailov et al., UAI 2018, arXiv 1803.05407).
"""

from __future__ import annotations

import argparse
from importlib.metadata import version
from pathlib import Path

from recipes.deepen import read_network, write
from recipes.train_real import CAUTION


def main() -> None:
    """Write the model file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("first", "second", "out"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    network, second = read_network(options.first), read_network(options.second).state_dict()
    network.load_state_dict({name: (value + second[name]) / 2 for name, value in network.state_dict().items()})
    write(options.out, network, {"recipe": "recipes/averaged.py", "torch": version("torch")}, CAUTION)


if __name__ == "__main__":
    main()
