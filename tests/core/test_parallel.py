import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psutil
import pytest

from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.parallel import map_in_processes, map_in_threads
from onfh_nnunet.core.system_errors import system_refusal
from tests.helpers.worker_view import BUSY_S


@dataclass(frozen=True)
class Numbered:
    number: int

    @property
    def case_id(self):
        return f"P{self.number:03d}_R"


HIPS = [Numbered(number) for number in range(200)]


@pytest.fixture
def two_threads(monkeypatch):
    """Two cores; gives the event that is set once no further hip can begin."""
    ended = threading.Event()

    class Seen(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            ended.set()
            super().shutdown(wait=wait)

    monkeypatch.setattr("onfh_nnunet.core.parallel.ThreadPoolExecutor", Seen)
    monkeypatch.setattr("onfh_nnunet.core.parallel.available_cores", lambda: 2)
    return ended


def test_results_keep_their_order_and_are_told_one_by_one(two_threads):
    told, last = [], threading.Event()

    def first_is_done_last(hip):
        if hip.number == 0:
            last.wait()
        elif hip.number == 199:
            last.set()
        return hip.number

    assert map_in_threads(first_is_done_last, HIPS, lambda *step: told.append(step)) == list(range(200))
    assert told == [(f"P{n:03d}_R", n + 1, 200) for n in range(200)]
    assert map_in_threads(first_is_done_last, [], lambda *_: None) == []


def test_a_refusal_lets_the_others_go_on():
    done = set()

    def refuses(hip):
        done.add(hip.number)
        if hip.number in (3, 7):
            raise OnfhError(hip.case_id, "is bad", "Mend it")

    with pytest.raises(OnfhError, match=r"(?s)hips: 2 of 200 are refused:.*P003_R.*P007_R"):
        map_in_threads(refuses, HIPS, lambda *_: None)
    assert done == set(range(200))


def test_a_bug_stops_the_others(two_threads):
    begun = []

    def fails(hip):
        begun.append(hip.number)
        if hip.number == 0:
            raise ZeroDivisionError("a bug")
        two_threads.wait()

    with pytest.raises(ZeroDivisionError, match="a bug"):
        map_in_threads(fails, HIPS, lambda *_: None)
    assert set(begun) <= {0, 1, 2}


def test_an_interrupted_run_begins_no_further_hip(two_threads):
    begun = []

    def work(hip):
        begun.append(hip.number)
        if hip.number > 0:
            two_threads.wait()

    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        map_in_threads(work, HIPS, interrupt)
    assert set(begun) <= {0, 1, 2}


def test_where_a_pool_cannot_be_started_whole_no_process_of_it_stays(monkeypatch):
    def refused(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("onfh_nnunet.core.parallel.available_cores", lambda: 2)
    monkeypatch.setattr("concurrent.futures.process._ExecutorManagerThread.start", refused)
    before = set(multiprocessing.active_children())
    with pytest.raises(RuntimeError) as raised:
        list(map_in_processes(abs, [1, 2], few=0))
    assert "memory: is used up" in str(system_refusal(raised.value))
    for process in set(multiprocessing.active_children()) - before:
        process.join(BUSY_S)
    assert set(multiprocessing.active_children()) <= before


BUSY = """
from unittest import mock
from onfh_nnunet.core.parallel import map_in_processes
from tests.helpers.worker_view import busy
if __name__ == "__main__":
    with mock.patch("onfh_nnunet.core.parallel.available_cores", lambda: 2):
        list(map_in_processes(busy, [1, 2], few=0))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a worker must hold Python's lock to see its parent gone")
def test_a_worker_that_never_gives_up_pythons_lock_ends_with_its_parent():
    parent = subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE)
    workers = [psutil.Process(int(parent.stdout.readline())) for _ in range(2)]
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    end = time.monotonic() + BUSY_S / 2
    while any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in workers):
        assert time.monotonic() < end
        time.sleep(0.02)
