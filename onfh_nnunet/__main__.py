"""``python -m onfh_nnunet`` is ``onfh``."""

from onfh_nnunet.cli import run

run()
