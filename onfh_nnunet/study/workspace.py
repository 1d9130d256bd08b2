"""The folder of one study, and the paths in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from onfh_nnunet.core.choices import DEFAULT_DATASET_ID
from onfh_nnunet.core.errors import WorkspaceError

DATASET_TITLE = "ONFH"

STUDY = "a study"
"""What the record of a workspace calls it; see `core.folder_record`."""


@dataclass(frozen=True)
class Workspace:
    """Paths of a workspace; nothing is read or created.

    Args:
        root: The study's folder.
        dataset_id: nnU-Net's three-digit number of the dataset.
    """

    root: Path
    dataset_id: int = DEFAULT_DATASET_ID

    def __post_init__(self) -> None:
        if not 1 <= self.dataset_id <= 999:
            raise WorkspaceError(f"dataset {self.dataset_id}", "is not an nnU-Net dataset number", "Use 1 to 999")

    @classmethod
    def open(cls, root: Path) -> Workspace:
        """Open the workspace of a folder that `onfh convert` filled.

        Raises:
            WorkspaceError: There is no dataset in it, or more than one.
        """
        found = sorted((root / "nnUNet_raw").glob(f"Dataset[0-9][0-9][0-9]_{DATASET_TITLE}"))
        if len(found) != 1:
            names = [path.name for path in found]
            problem = f"holds {names or 'no dataset'}, expected one"
            raise WorkspaceError(root, problem, "Run onfh convert, and give the same `work`")
        return cls(root, int(found[0].name[7:10]))

    @property
    def dataset_name(self) -> str:
        """nnU-Net's name of the dataset."""
        return f"Dataset{self.dataset_id:03d}_{DATASET_TITLE}"

    @property
    def files(self) -> tuple[str, ...]:
        """The files in the root itself."""
        return "cases.csv", "checks.csv", "folds.csv", "given.csv", "plan.json", "subgroups.csv"

    @property
    def cases_csv(self) -> Path:
        """One row per hip: its properties and the paths of its files."""
        return self.root / "cases.csv"

    @property
    def checks_csv(self) -> Path:
        """The findings of the checks before training."""
        return self.root / "checks.csv"

    @property
    def given_csv(self) -> Path:
        """One row per hip of cohort.csv, cases or not."""
        return self.root / "given.csv"

    @property
    def subgroups_csv(self) -> Path:
        """One row per hip and further column of cohort.csv."""
        return self.root / "subgroups.csv"

    @property
    def folds_csv(self) -> Path:
        """One row per hip: its fold."""
        return self.root / "folds.csv"

    @property
    def key_csv(self) -> Path:
        """The only file with patient identities."""
        return self.root / "private" / "key.csv"

    @property
    def secret(self) -> Path:
        """The secret of the keyed hashes of sources."""
        return self.root / "private" / "secret"

    @property
    def nnunet_raw(self) -> Path:
        """nnU-Net's raw data folder."""
        return self.root / "nnUNet_raw"

    @property
    def nnunet_preprocessed(self) -> Path:
        """nnU-Net's preprocessed data folder."""
        return self.root / "nnUNet_preprocessed"

    @property
    def nnunet_results(self) -> Path:
        """nnU-Net's results folder."""
        return self.root / "nnUNet_results"

    @property
    def raw(self) -> Path:
        """The raw dataset: ``imagesTr``, ``labelsTr``, ``dataset.json``."""
        return self.nnunet_raw / self.dataset_name

    @property
    def preprocessed(self) -> Path:
        """The planned and preprocessed dataset."""
        return self.nnunet_preprocessed / self.dataset_name

    @property
    def results(self) -> Path:
        """The trained models of the dataset."""
        return self.nnunet_results / self.dataset_name

    @property
    def crossval(self) -> Path:
        """The tables and masks of the cross-validation."""
        return self.root / "crossval"

    @property
    def logs(self) -> Path:
        """nnU-Net's output, one file per step."""
        return self.root / "logs"
