"""The queue: whatever is killed, a study is worked on once, and one that kills its worker twice is set aside."""

import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onfh_nnunet.core.errors import WorkspaceError
from onfh_nnunet.pacs.study_queue import Arrival, State, StudyQueue


@pytest.fixture
def file(tmp_path):
    return tmp_path / "queue.sqlite"


def test_studies_are_taken_in_their_order_once(file):
    with StudyQueue.open(file) as queue:
        assert queue.seen is None
        queue.add(["1", "2", "1"], 7)
        queue.add(["2", "3"], 9)
        taken = []
        while (study := queue.begin()) is not None:
            taken.append(study)
            queue.end(study, State.DONE, "2 hips")
        queue.add(["3", "2"], 11)
        assert (taken, queue.begin(), queue.seen) == (["1", "2", "3"], None, 11)
        assert set(queue.states().values()) == {(State.DONE, "2 hips")}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_study_whose_work_ends_twice_with_its_process_is_set_aside(file):
    for expected in (State.WAITING, State.SET_ASIDE):
        with StudyQueue.open(file) as queue:
            queue.add(["1"], 1)
            assert queue.begin() == "1"
        with StudyQueue.open(file) as queue:  # the process was killed in between
            assert queue.recover() == [("1", expected)]
            assert queue.recover() == []
    with StudyQueue.open(file) as queue:
        assert queue.begin() is None
        assert "ended 2 times" in queue.states()["1"][1]


def test_an_interrupt_is_no_attempt(file):
    with StudyQueue.open(file) as queue:
        queue.add(["1"], 1)
        for _ in range(5):
            assert queue.begin() == "1"
            queue.put_back("1")
        assert queue.begin() == "1"
        assert queue.died("1", "SIGKILL") is State.WAITING


def test_what_is_complete_does_not_arrive_again(file):
    with StudyQueue.open(file) as queue:
        queue.note(Arrival("a", "1 file", 5.0))
        queue.note(Arrival("a", "2 files", 6.0))
        assert queue.arriving() == {"a": Arrival("a", "2 files", 6.0)}
        queue.complete("a")
        queue.note(Arrival("a", "3 files", 7.0))
        assert (queue.arriving(), queue.begin()) == ({}, "a")


@settings(max_examples=8)
@given(st.lists(st.sampled_from(["add", "begin", "done", "die", "kill", "back"]), min_size=8, max_size=20))
def test_no_study_is_done_twice_or_tried_more_than_twice(tmp_path_factory, steps):
    file = tmp_path_factory.mktemp("q") / "q.sqlite"
    done, deaths, running, number = [], {}, None, 0
    with StudyQueue.open(file) as first:
        first.add([], 0)
    for step in steps:
        with StudyQueue.open(file) as queue:
            if step == "add":
                number += 1
                queue.add([str(number), str(max(1, number - 1))], number)
            elif step == "begin" and running is None:
                running = queue.begin()
            elif running is None:
                continue
            elif step == "done":
                queue.end(running, State.DONE)
                done.append(running)
                running = None
            elif step == "back":
                queue.put_back(running)
                running = None
            else:
                queue.died(running, "x") if step == "die" else queue.recover()
                deaths[running] = deaths.get(running, 0) + 1
                running = None
    assert len(done) == len(set(done))
    assert all(number <= 2 for number in deaths.values())
    with StudyQueue.open(file) as queue:
        aside = {study for study, (state, _) in queue.states().items() if state is State.SET_ASIDE}
    assert aside == {study for study, number in deaths.items() if number == 2}


def test_what_is_no_queue_is_refused(file):
    file.write_text("no database, but text that is long enough to be looked at" * 20)
    with pytest.raises(WorkspaceError, match="cannot be used as a queue"), StudyQueue.open(file):
        pass
