"""Workflows: what each command and each function of the front door does, without printing."""
