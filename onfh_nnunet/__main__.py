"""``python -m onfh_nnunet`` is ``onfh``."""

from onfh_nnunet.cli import run

if __name__ == "__main__":  # a process that a command spawns imports this module, too
    run()
