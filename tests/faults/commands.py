"""The commands that are disturbed, each on small inputs: what it is given, what lies there before, and its arguments.

Every run happens in one folder, the box: ``box/in`` is what the command reads, ``box/place`` where it writes, and
``box/tmp`` its temporary folder. The path is always the same, so that results that quote it can be compared.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Onfh = Callable[..., None]
Start = Callable[[str], Path]
"""The folder of what another command finds."""


@dataclass(frozen=True)
class Command:
    """A command of ``onfh`` that writes.

    Args:
        name: Its name here.
        words: Its arguments, relative to the box.
        prepare: Fills ``in`` and ``place`` of a folder, once.
        inputs: Patterns of files below the box that it reads.
        out: What it makes, relative to the box.
        slow: Whether a run takes many seconds.
        once: Whether it refuses an output that is there: one must then be whole.
    """

    name: str
    words: tuple[str, ...]
    prepare: Callable[[Path, Start, Onfh], None]
    inputs: str
    out: str
    slow: bool = False
    once: bool = False


def _cohort(folder: Path, _start: Start, onfh: Onfh) -> None:
    onfh("phantom", folder / "in", "--hips", 3, "--seed", 3, "--format", "nifti", "--spacing", "5,5,5")


def _secret(folder: Path, out: str) -> None:
    """Fixed, as the keyed hashes of two runs could not be compared otherwise."""
    private = folder / out / "private"
    private.mkdir(parents=True)
    (private / "secret").write_bytes(bytes(range(32)))
    (private / "secret").chmod(0o600)
    private.chmod(0o700)


def _conversion(folder: Path, start: Start, onfh: Onfh) -> None:
    _cohort(folder, start, onfh)
    _secret(folder, "place/work")


def _scans(folder: Path, _start: Start, onfh: Onfh) -> None:
    onfh("phantom", folder / "in", "--hips", 2, "--seed", 3, "--format", "nifti", "--spacing", "3,3,3")
    _secret(folder, "place/out")


def _predicted(folder: Path, start: Start, onfh: Onfh) -> None:
    shutil.copytree(start("predict-batch") / "in", folder / "in")
    onfh("predict", folder / "in" / "images", "--batch", "--out", folder / "place" / "out")


def _heads(folder: Path, _start: Start, onfh: Onfh) -> None:
    from onfh_nnunet.core.volume import Volume

    onfh("phantom", folder / "in", "--hips", 2, "--seed", 5, "--format", "nifti", "--spacing", "3,3,2")
    for file in (folder / "in" / "labels").iterdir():
        label = Volume.read(file)
        Volume((label.array > 0).astype("uint8"), label.grid).write_labels(file)
    rows = (folder / "in" / "cohort.csv").read_text().splitlines()
    (folder / "in" / "cohort.csv").write_text("\n".join(line.rsplit(",", 1)[0] for line in rows) + "\n")


def _trainable(folder: Path, _start: Start, onfh: Onfh) -> None:
    onfh("phantom", folder / "in", "--hips", 4, "--seed", 5, "--format", "nifti", "--spacing", "2,2,2")
    onfh("convert", folder / "in" / "cohort.csv", "--work", folder / "place" / "work")
    onfh("plan", "--work", folder / "place" / "work", "--preset", "quick", "--folds", 2)


def _trained(folder: Path, start: Start, onfh: Onfh) -> None:
    shutil.copytree(start("train"), folder, dirs_exist_ok=True)
    onfh("train", "--work", folder / "place" / "work", "--device", "cpu", "--epochs", 1)


def _judged(folder: Path, start: Start, onfh: Onfh) -> None:
    shutil.copytree(start("crossval"), folder, dirs_exist_ok=True)
    onfh("crossval", "--work", folder / "place" / "work", "--device", "cpu")


def _nothing(_folder: Path, _start: Start, _onfh: Onfh) -> None:
    pass


_SIZE = ("--format", "nifti", "--spacing", "6,6,6")
_MASKS = ("--necrosis-label", "2")
_WORK = ("--work", "place/work")

COMMANDS = (
    Command("phantom", ("phantom", "place/c", "--hips", "1", *_SIZE), _nothing, "", "place/c"),
    Command("grade", ("grade", "in/labels", *_MASKS, "--out", "place/g.csv"), _cohort, "in/labels/*", "place/g.csv"),
    Command(
        "compare",
        ("compare", "in/labels", "in/labels", *_MASKS, "--out", "place/out"),
        _cohort,
        "in/labels/*",
        "place/out",
    ),
    Command(
        "implant",
        ("implant", "in/cohort.csv", "--weighting", "t1", "--out", "place/im"),
        _heads,
        "in/*/*",
        "place/im",
        once=True,
    ),
    Command("convert", ("convert", "in/cohort.csv", *_WORK), _conversion, "in/*/*", "place/work"),
    Command("unpack", ("model", "--unpack", "place/stock"), _nothing, "", "place/stock", once=True),
    Command(
        "predict",
        ("predict", "in/images/MRN0001_R.nii.gz", "--device", "cpu", "--out", "place/out"),
        _scans,
        "in/images/MRN0001_R.nii.gz",
        "place/out",
    ),
    Command(
        "predict-batch",
        ("predict", "in/images", "--batch", "--device", "cpu", "--out", "place/out"),
        _scans,
        "in/images/*",
        "place/out",
    ),
    Command("report", ("report", "place/out"), _predicted, "place/out/*.gz", "place/out"),
    Command(
        "train",
        ("train", *_WORK, "--device", "cpu", "--epochs", "1"),
        _trainable,
        "place/work/nnUNet_preprocessed/*/*/*",
        "place/work",
        slow=True,
    ),
    Command(
        "crossval",
        ("crossval", *_WORK, "--device", "cpu"),
        _trained,
        "place/work/nnUNet_raw/*/*/*",
        "place/work",
        slow=True,
    ),
    Command(
        "export",
        ("export", *_WORK, "--out", "place/model.safetensors"),
        _judged,
        "place/work/nnUNet_results/*/*/*/*.pth",
        "place/model.safetensors",
        slow=True,
    ),
)
