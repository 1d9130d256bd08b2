"""``onfh model``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.options import AsJson

if TYPE_CHECKING:
    from onfh_nnunet.workflows.model import Score


def model(
    path: Annotated[
        Path | None,
        typer.Argument(metavar="[MODEL]", help="Model file of onfh export; default: the bundled demo model."),
    ] = None,
    unpack: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write it as a folder for stock nnUNetv2_predict_from_modelfolder."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a model is, for what, on whom it was trained and how well it did."""
    from onfh_nnunet.workflows.model import describe

    about = describe(path, unpack=unpack)
    if as_json:
        card = {what: said for what, said in about.lines if what}
        console.document(card=card, scores=about.scores, folds=about.folds)
        return
    for what, said in about.lines:
        console.result(f"{what:14}{said}")
    if about.scores:
        rows = [[s.region, s.metric, _spread(s), f"{s.n}", f"{s.n_undefined}"] for s in about.scores]
        console.table("On hips that it never saw, median (IQR)", ["region", "metric", "value", "n", "undefined"], rows)
    if unpack is not None:
        folds = " ".join(map(str, about.folds))
        console.say(f"stock nnU-Net runs it: nnUNetv2_predict_from_modelfolder -i IN -o OUT -m {unpack} -f {folds}")


def _spread(score: Score) -> str:
    if score.median is None:
        return "undefined"
    return f"{score.median:.3f} ({score.q1:.3f}-{score.q3:.3f})"
