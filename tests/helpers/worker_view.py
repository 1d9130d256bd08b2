"""What worker processes do in tests; a module of its own, as other processes find a function by its name."""

import ctypes
import os

BUSY_S = 60


def threads_of_libraries(_item):
    """The process, and the threads that the libraries of a conversion would use in it."""
    import numpy  # noqa: F401 - each brings an OpenBLAS
    import scipy.linalg  # noqa: F401
    import SimpleITK as sitk
    import threadpoolctl

    pools = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
    return os.getpid(), max([*pools, sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()])


def busy(_item):
    """Say which process this is, and hold Python's lock for long."""
    os.write(1, f"{os.getpid()}\n".encode())
    ctypes.PyDLL(None).sleep(BUSY_S)
