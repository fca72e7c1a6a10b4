"""In which order a run waits for its parts, takes what they found, and does what it does beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from tasks import run_parts
from tasks.parts import Part, numbered
from warehouse.buckets import BucketRange
from warehouse.connection import writer
from warehouse.errors import Refused

THREE = numbered([BucketRange(0, 9), BucketRange(10, 19), BucketRange(20, 4095)])


@pytest.fixture
def events(opened_home, monkeypatch) -> Iterator[list[str]]:
    """What happens, in order, while a run holds the warehouse."""
    told: list[str] = []
    monkeypatch.setattr(run_parts, "wait", lambda futures: told.append(f"{len(futures)} ended"))
    with writer(purpose="test"):
        yield told


def submitting(events: list[str], *, fails: int | None = None) -> SimpleNamespace:
    """A task whose parts are submitted and return their number, but one may fail."""

    def submit(part: Part, **_: object) -> SimpleNamespace:
        events.append(f"submitted {part.number}")

        def result() -> int:
            if part.number == fails:
                raise Refused(f"part {fails} failed")
            return part.number

        return SimpleNamespace(result=result)

    return SimpleNamespace(submit=submit)


@contextmanager
def taking(events: list[str], *, fails: int | None = None) -> Iterator[Callable[[int], None]]:
    """Take what parts return, in a transaction of its own as it were."""

    def take(number: int) -> None:
        events.append(f"took {number}")
        if number == fails:
            raise Refused(f"part {fails} does not fit")

    events.append("begun")
    try:
        yield take
    except BaseException:
        events.append("rolled back")
        raise
    events.append("committed")


def on_dask(monkeypatch) -> None:
    """Let parts be computed by other processes, which read the run's file."""
    monkeypatch.setenv("NIGHTLEDGER_DASK", "tcp://10.0.0.1:8786")
    monkeypatch.setattr(run_parts, "on_dask", lambda: True)


def test_each_part_is_taken_when_it_is_there_in_their_order_after_what_is_done_beside(events):
    found = run_parts.run_parts(
        submitting(events), THREE, meanwhile=lambda: events.append("judged"), into=taking(events)
    )
    assert found == [0, 1, 2]
    assert events == [
        "submitted 0", "submitted 1", "submitted 2", "judged", "begun", "took 0", "took 1", "took 2", "committed",
    ]  # fmt: skip


def test_a_query_without_dask_is_taken_before_the_next_one_begins(events):
    def query(part: Part, **_: object) -> int:
        events.append(f"computed {part.number}")
        return part.number

    assert run_parts.run_parts(query, THREE[:2], query=True, into=taking(events)) == [0, 1]
    assert events == ["begun", "computed 0", "took 0", "computed 1", "took 1", "committed"]


def test_a_part_that_fails_takes_back_what_was_taken_and_the_others_have_ended_first(events):
    with pytest.raises(Refused, match="part 1 failed"):
        run_parts.run_parts(submitting(events, fails=1), THREE, into=taking(events))
    assert events[3:] == ["begun", "took 0", "rolled back", "3 ended"]


def test_a_part_that_does_not_fit_stops_the_run_and_the_others_have_ended_first(events):
    with pytest.raises(Refused, match="part 1 does not fit"):
        run_parts.run_parts(submitting(events), THREE, into=taking(events, fails=1))
    assert events[3:] == ["begun", "took 0", "took 1", "rolled back", "3 ended"]


def test_what_a_run_does_beside_its_parts_may_fail_and_nothing_is_taken(events):
    def fail() -> None:
        events.append("judged")
        raise Refused("gate features: 1 failed")

    with pytest.raises(Refused, match="gate features"):
        run_parts.run_parts(submitting(events), THREE[:1], meanwhile=fail, into=taking(events))
    assert events == ["submitted 0", "judged", "1 ended"]


def test_a_file_that_is_closed_for_its_parts_is_read_by_the_run_before_and_written_after(events, monkeypatch):
    on_dask(monkeypatch)

    def read() -> None:
        with writer(purpose="gate") as con:
            con.execute("from wh.ops.run_ledger")

    @contextmanager
    def writing() -> Iterator[Callable[[int], None]]:
        read()
        with taking(events) as take:
            yield take

    def judge() -> None:
        read()
        events.append("judged")

    assert run_parts.run_parts(submitting(events), THREE[:1], meanwhile=judge, into=writing()) == [0]
    assert events == ["judged", "submitted 0", "1 ended", "begun", "took 0", "committed"]


def test_a_scheduler_that_is_lost_is_one_line(monkeypatch):
    monkeypatch.setenv("NIGHTLEDGER_DASK", "tcp://10.0.0.1:8786")

    def lost() -> None:
        raise CancelledError("build_part-1")

    with pytest.raises(
        Refused, match=r"^the Dask scheduler \(tcp://10.0.0.1:8786\) was lost while it had work"
    ):
        run_parts.result(SimpleNamespace(result=lost))
