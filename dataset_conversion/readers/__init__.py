"""One volume from whatever a scanner or an archive left."""
