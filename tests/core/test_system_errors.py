"""What the system refuses is one message; any other error stays a bug."""

import errno
import os

import pytest

from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.system_errors import LEAST_ADDRESS_SPACE, require_address_space, system_refusal


def system_error(number, name=None):
    return OSError(number, os.strerror(number), name)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO])
def test_a_refusing_disk_is_named_with_its_file(number):
    assert str(system_refusal(system_error(number, "a/b"))).startswith(f"a/b: {os.strerror(number)}. Check its name")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 16.8 MiB"),
        system_error(errno.ENOMEM),
        system_error(errno.EAGAIN),  # of a process that could not be started
        RuntimeError("can't start new thread"),
        RuntimeError("Failed to allocate memory for image."),  # ITK
        RuntimeError("[enforce fail] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_each_way_to_say_that_memory_is_refused(error):
    assert str(system_refusal(error)).startswith("memory: is used up")
    result = RuntimeError("cannot join thread before it is started")
    result.__context__ = error
    assert str(system_refusal(result)).startswith("memory: is used up")


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("out of memory"), RuntimeError("a bug"), ImportError("x")])
def test_a_bug_is_no_refusal(error):
    assert system_refusal(error) is None


def test_a_command_does_not_begin_where_libraries_cannot_start(monkeypatch):
    resource = pytest.importorskip("resource")
    for limit in (resource.RLIM_INFINITY, LEAST_ADDRESS_SPACE):
        monkeypatch.setattr(resource, "getrlimit", lambda _which, limit=limit: (limit, limit))
        require_address_space()
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (3 * 10**8, 3 * 10**8))
    with pytest.raises(OnfhError, match=r"memory: is limited to 0.30 GB a process, expected at least 0.6 GB"):
        require_address_space()
