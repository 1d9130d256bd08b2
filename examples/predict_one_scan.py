"""Segment and grade every hip of one scan, and save the masks.

    python examples/predict_one_scan.py SCAN OUT [MODEL]

SCAN is a DICOM folder, a zip archive or an image file. Without MODEL the bundled demo model is used, which learned
from drawn and painted lesions only.
"""

from __future__ import annotations

import sys
from pathlib import Path

import onfh_nnunet as onfh


def main(scan: str, out: str, model: str | None = None) -> None:
    """Write one mask per hip into OUT and print one line per hip."""
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    for hip in onfh.predict(scan, onfh.load_model(model)):
        hip.mask.write(folder / f"{hip.case_id}.nii.gz")
        interval = f"{hip.interval.low:.1f} to {hip.interval.high:.1f}"
        print(f"{hip.side}: grade {hip.grade}, necrosis {hip.necrosis_percent:.1f} % ({interval}) of the head")
        for warning in hip.warnings:
            print(f"   warning: {warning}")


if __name__ == "__main__":
    main(*sys.argv[1:])
