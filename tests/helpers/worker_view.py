"""What a worker process sees of the machine; a module of its own, as other processes find the function by its name."""

import os


def threads_of_libraries(_item):
    """The process, and the threads that the libraries of a conversion would use in it."""
    import numpy  # noqa: F401 - each brings an OpenBLAS
    import scipy.linalg  # noqa: F401
    import SimpleITK as sitk
    import threadpoolctl

    pools = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
    return os.getpid(), max([*pools, sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()])
