"""Buckets follow from keys alone, ranges of them hold everybody once, and an older warehouse is given its own."""

from __future__ import annotations

import hashlib
import itertools

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse import buckets
from warehouse.buckets import ALL, BUCKETS, BucketRange, bucket_of

SIZES = st.dictionaries(st.integers(0, BUCKETS - 1), st.integers(1, 500), max_size=60)


def test_the_bucket_of_a_key_is_the_same_for_ever():
    keys = ["E0000001", "a", "Ünïcode", ""]
    with duckdb.connect() as con:
        told = [con.execute(f"select {bucket_of('?')}", [key]).fetchone() for key in keys]
    digests = [hashlib.md5(key.encode()).digest() for key in keys]
    assert told == [(int.from_bytes(digest[8:], "little") % BUCKETS,) for digest in digests]


@given(SIZES, st.integers(1, 20), st.integers(1, 2000))
def test_ranges_hold_every_bucket_once_and_stay_near_their_bound(sizes, at_least, at_most_rows):
    ranges = buckets.ranges(sizes.items(), at_least=at_least, at_most_rows=at_most_rows)
    assert ranges[0].first == 0
    assert ranges[-1].last == ALL.last
    assert all(after.first == before.last + 1 for before, after in itertools.pairwise(ranges))
    rows = [sum(size for bucket, size in sizes.items() if first <= bucket <= last) for first, last in ranges]
    if sizes:
        assert len(ranges) >= min(at_least, len(sizes))
        assert min(rows) > 0
        assert max(rows) <= max(at_most_rows, sum(sizes.values()) / len(ranges)) + max(sizes.values())


@pytest.mark.parametrize(("at_least", "cut"), [(1, [ALL]), (2, [BucketRange(0, 6), BucketRange(7, 4095)])])
def test_two_borrowers_are_cut_between_them(at_least, cut):
    assert buckets.ranges([(7, 1), (3, 1)], at_least=at_least, at_most_rows=10) == cut


def test_nobody_is_one_range():
    assert buckets.ranges([], at_least=4, at_most_rows=10) == [ALL]


def test_a_warehouse_of_an_older_version_is_given_its_buckets(con):
    con.execute(
        "create table wh.features.feat_ledger as select 'p' as portfolio, date '2026-06-30' as as_of_date, "
        "unnest(['a', 'b']) as enterprise_id"
    )
    buckets.add(con)
    told = con.execute("select enterprise_id, bucket from wh.features.feat_ledger order by 1").fetchall()
    assert told == con.execute(f"select k, {bucket_of('k')} from (select unnest(['a', 'b']) as k)").fetchall()
    buckets.add(con)
    assert con.execute("select * from wh.features.feat_ledger order by all").fetchall()[0][2:] == told[0]
