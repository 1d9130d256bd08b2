"""Implants of other forms than the published ones, in the upper half of the head: what intervals must hold for as well.

    python -m recipes.other_forms COHORT.csv OUT

As `onfh implant COHORT.csv --out OUT --weighting t1 --per-hip 6 --seed 5`, but for the forms and places of the lesions.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from dataset_conversion.labels.label_map import LabelRules
from dataset_conversion.phantom.implants.implant import Implant
from dataset_conversion.phantom.implants.implant_cohort import write_implants
from onfh_nnunet.core.choices import Weighting

PER_HIP, SEED = 6, 5


def main() -> None:
    """Paint the cohort."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("cohort", "out"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    rules, painted = LabelRules(), Weighting.T1
    write_implants(options.cohort, options.out, painted, rules, per_hip=PER_HIP, seed=SEED, draw=Implant.upper)


if __name__ == "__main__":
    main()
