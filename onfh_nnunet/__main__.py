"""Entry point of ``python -m onfh_nnunet``, the same as ``onfh``."""

if __name__ == "__main__":  # a process that a command spawns imports this module, too
    from onfh_nnunet.cli import run

    run()
