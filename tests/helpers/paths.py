"""Where the tests find the checkout, and the real scanner files that some of them read."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(os.environ.get("ONFH_TEST_DATA", ROOT.parent / "shared" / "data"))
