"""What is written in a PDF."""

import shutil
import subprocess

import pytest


def pdf_text(content, folder):
    """The text of a PDF and its number of pages, by poppler."""
    if not shutil.which("pdftotext"):
        pytest.skip("pdftotext is not installed (Debian: poppler-utils)")
    file = folder / "page.pdf"
    file.write_bytes(content)
    said = subprocess.run(["pdftotext", file, "-"], capture_output=True, text=True, check=True).stdout
    return " ".join(said.split()), said.count("\f")
