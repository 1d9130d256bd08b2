import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from onfh_nnunet.core.errors import OnfhError
from onfh_nnunet.core.parallel import map_in_threads


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
