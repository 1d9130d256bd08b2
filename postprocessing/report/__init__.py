"""One HTML file of a prediction or a cross-validation: for the surgeon who reads it, for the researcher who checks it.

It needs no other file, no network and no script, and the same input gives the same bytes: no clock is read.
"""
