"""Surfaces of head and necrosis as mesh files."""
