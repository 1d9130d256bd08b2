"""Conversion of scans into cases, with a cache of unchanged scans."""
