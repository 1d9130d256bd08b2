"""``onfh pacs``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onfh_nnunet.cli import console
from onfh_nnunet.cli.logged_command import LoggedCommand
from onfh_nnunet.cli.options import AsJson, PacsServer, Quiet
from onfh_nnunet.cli.progress import steps
from onfh_nnunet.core.printable import plural

pacs = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Find, fetch and store studies at the PACS that a settings file names, by DIMSE or DICOMweb.",
)


@pacs.command(cls=LoggedCommand)
def echo(server: PacsServer) -> None:
    """Ask whether the server is there and accepts this program."""
    from onfh_nnunet.workflows.pacs import Pacs

    asked = Pacs.of(server)
    asked.echo()
    console.result(f"{asked.name} answers")


@pacs.command(cls=LoggedCommand)
def find(
    server: PacsServer,
    patient: Annotated[str, typer.Option(help="PatientID; * stands for any letters.")] = "",
    date: Annotated[str, typer.Option(help="Of the study: 20260131, or 20260101-20260131.")] = "",
    accession: Annotated[str, typer.Option(help="AccessionNumber.")] = "",
    study: Annotated[str, typer.Option(help="StudyInstanceUID.")] = "",
    modality: Annotated[str, typer.Option(help="Of at least one series.")] = "MR",
    as_json: AsJson = False,
) -> None:
    """List the studies that match all that is given."""
    from onfh_nnunet.workflows.pacs import Pacs

    found = Pacs.of(server).find(patient=patient, date=date, accession=accession, study=study, modality=modality)
    if as_json:
        console.document(studies=found)
        return
    columns = ["study", "patient", "date", "accession", "modalities", "images", "description"]
    rows = [
        [
            *(one.study, one.patient_id, one.date, one.accession, " ".join(one.modalities)),
            *("" if one.images is None else str(one.images), one.description),
        ]
        for one in found
    ]
    if rows:
        console.table("1 study" if len(rows) == 1 else f"{len(rows)} studies", columns, rows, always=True)
        console.next_step("pacs", "fetch", found[0].study, "--server", server, "--out", "scans")
    else:
        console.result("No study matches")


@pacs.command(cls=LoggedCommand)
def fetch(
    studies: Annotated[list[str], typer.Argument(metavar="UID...", help="StudyInstanceUIDs, as find lists them.")],
    server: PacsServer,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder; each study gets a folder in it.")],
    modality: Annotated[
        list[str] | None, typer.Option(help="Of the series to fetch; several times. Default: MR.")
    ] = None,
    _quiet: Quiet = False,
) -> None:
    """Fetch studies, each whole or not at all."""
    from onfh_nnunet.workflows.pacs import Pacs

    with steps("fetch") as progress:
        fetched = Pacs.of(server).fetch(studies, out, modalities=modality or ["MR"], progress=progress)
    for one in fetched:
        there = "" if one.new else ", was there already"
        console.result(f"{one.folder}: {plural(one.files, 'file')}{there}")
    console.next_step("predict", "--batch", out, "--dicom", "--out", "out")


@pacs.command(cls=LoggedCommand)
def store(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="DICOM files, or folders of them such as OUT of predict --dicom."),
    ],
    server: PacsServer,
    _quiet: Quiet = False,
) -> None:
    """Store DICOM files, each once: what the server holds already is not sent."""
    from onfh_nnunet.workflows.pacs import Pacs

    asked = Pacs.of(server)
    stored = asked.store(paths)
    if stored.already:
        console.note(f"Not sent, for {asked.name} holds them: {plural(len(stored.already), 'object')}")
    console.result(f"Stored at {asked.name}: {plural(len(stored.sent), 'object')}")
