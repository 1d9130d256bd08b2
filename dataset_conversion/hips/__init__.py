"""One hip cut out of its scan, and what is wrong or unlikely in it."""
