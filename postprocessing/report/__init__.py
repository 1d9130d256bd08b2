"""HTML report of a prediction or a cross-validation, in one file.

It needs no other file, no network and no script, and the same input gives the same bytes: no clock is read.
"""
