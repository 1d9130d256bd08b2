import threading
import time
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


def test_results_keep_their_order_and_are_told_one_by_one():
    told = []

    def slow_at_first(hip):
        time.sleep(0.02 if hip.number == 0 else 0)
        return hip.number

    assert map_in_threads(slow_at_first, HIPS, lambda *step: told.append(step)) == list(range(200))
    assert told == [(f"P{n:03d}_R", n + 1, 200) for n in range(200)]
    assert map_in_threads(slow_at_first, [], lambda *_: None) == []


def test_a_refusal_lets_the_others_go_on_and_a_bug_stops_them():
    done, three = set(), threading.Event()

    def refuses(hip):
        done.add(hip.number)
        if hip.number in (3, 7):
            raise OnfhError(hip.case_id, "is bad", "Mend it")

    with pytest.raises(OnfhError, match=r"(?s)2 of 200 hips.*P003_R.*P007_R"):
        map_in_threads(refuses, HIPS, lambda *_: None)
    assert done == set(range(200))

    def fails(hip):
        if hip.number == 0:
            raise ZeroDivisionError("a bug")
        three.wait()

    threading.Timer(0.3, three.set).start()
    with pytest.raises(ZeroDivisionError, match="a bug"):
        map_in_threads(fails, HIPS, lambda *_: None)


def test_an_interrupted_run_begins_no_further_hip():
    begun = []

    def work(hip):
        begun.append(hip.number)
        time.sleep(0.02)

    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        map_in_threads(work, HIPS, interrupt)
    assert len(begun) < len(HIPS)
