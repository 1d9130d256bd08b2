"""Classes for nnU-Net and the processes that run it; imported only where nnU-Net is about to run."""
