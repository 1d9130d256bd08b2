"""The classes that nnU-Net is given; imported only where nnU-Net is about to run."""
