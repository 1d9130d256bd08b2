"""Threads times processes stay within the cores."""

import os

import pytest

from onfh_nnunet.core import cores, parallel
from onfh_nnunet.core.devices import Device
from onfh_nnunet.core.parallel import map_in_processes
from onfh_nnunet.training import train
from tests.helpers.worker_view import threads_of_libraries


@pytest.fixture
def machine(monkeypatch):
    """Make the machine one of so many cores."""

    def of(n_cores):
        for module in (cores, parallel, train):
            monkeypatch.setattr(module, "available_cores", lambda: n_cores)

    return of


@pytest.mark.parametrize(("n_cores", "items"), [(3, 2), (4, 2)])
def test_workers_have_their_share_of_the_cores(machine, n_cores, items):
    machine(n_cores)
    seen = dict(map_in_processes(threads_of_libraries, range(items), few=0))
    assert os.getpid() not in seen
    assert sum(seen.values()) <= n_cores
    assert max(seen.values()) == n_cores // items


@pytest.mark.parametrize("n_cores", [1, 2, 3, 8, 64])
@pytest.mark.parametrize("folds", [1, 2, 4])
def test_trainings_have_their_share_of_the_cores(machine, n_cores, folds):
    machine(n_cores)
    shares = train._shares(Device.CPU, folds)
    threads = [shares.get().threads for _ in range(shares.qsize())]
    assert len(threads) <= folds
    assert sum(threads) <= n_cores


@pytest.mark.parametrize("n_cores", [1, 4, 16])
@pytest.mark.parametrize("gpus", [1, 2, 4])
def test_processes_of_augmentation_have_one_thread(machine, monkeypatch, n_cores, gpus):
    machine(n_cores)
    monkeypatch.setattr(train, "gpu_count", lambda: gpus)
    shares = train._shares(Device.CUDA, 4)
    each = [shares.get() for _ in range(shares.qsize())]
    assert sum(one.threads * one.workers for one in each) <= n_cores
    assert all(one.threads == 1 for one in each if one.workers)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system cannot bind a process to cores")
def test_cores_are_those_that_the_process_is_bound_to():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert cores.available_cores() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert cores.available_cores() == len(before)
