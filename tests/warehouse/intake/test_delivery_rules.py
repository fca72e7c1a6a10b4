"""Files that can be read and are still refused whole: too few usable rows, `known_at` gone; and what then stands."""

from __future__ import annotations

import pytest
from feed_rows import FORMATS, Lender, Row, rows_of

from warehouse.intake.feeds import FEEDS
from warehouse.intake.ingest import IngestResult, ingest_file
from warehouse.intake.landing import list_landing
from warehouse.intake.mapping import FeedMapping

SALES = FEEDS["transactions"]
OUTCOMES = FEEDS["outcomes"]
A_COMMA = {"amount": "175,00"}
A_STRANGER = {"enterprise_id": "nobody"}


def sales(*spoilt: Row, good: int) -> list[Row]:
    """Good rows behind one row for each change of `spoilt`."""
    rows = rows_of(SALES, len(spoilt) + good)
    return [{**row, **change} for row, change in zip(rows, [*spoilt, *[{}] * good], strict=True)]


def without_known_at(rows: list[Row], name: str | None = None) -> list[Row]:
    """The rows with the column `known_at` left out, or under another name."""
    return [
        {name if key == "known_at" and name else key: row[key] for key in row if key != "known_at" or name}
        for row in rows
    ]


class TestTooFewUsableRows:
    @pytest.mark.parametrize(
        ("spoilt", "good", "refused"),
        [
            (1, 0, True),
            (1, 3, True),
            (1, 4, False),
            (2, 7, True),
            (2, 8, False),
            (25, 99, True),
            (25, 100, False),
        ],
    )
    def test_four_fifths_have_to_be_usable(self, lender, spoilt, good, refused):
        lender.deliver("transactions/a.csv", sales(*[A_COMMA] * spoilt, good=good))
        result = lender.ingest()["transactions/a.csv"]
        assert (result.status == "refused") is refused, result
        assert lender.held("transactions") == (0 if refused else good)
        assert len(lender.quarantine()) == (0 if refused else spoilt)

    @pytest.mark.parametrize("suffix", FORMATS)
    def test_the_line_counts_the_rules_and_names_the_first_row(self, lender, suffix):
        changes = [A_STRANGER, {}, A_STRANGER, *[A_COMMA] * 5]
        lender.deliver(f"transactions/a{suffix}", sales(*changes, good=2))
        assert lender.ingest()[f"transactions/a{suffix}"].message == (
            "only 3 of 10 rows can be used (four fifths are needed): 5 wrong_type, 2 unknown_enterprise; "
            "the first, row 4: The column amount holds '999,99', which is no decimal(18,2)."
        )
        assert lender.ask(
            """select status, delivered, loaded, superseded, brings_known_at from wh.ops.file_ledger
               where portfolio = $p and feed = 'transactions'"""
        ) == [("refused", 0, 0, None, None)]

    def test_the_line_masks_what_is_personal_or_may_be(self, lender):
        payload = {"payload": '{"name": "Ann"'}
        lender.deliver(
            "operational_events/a.csv", [{**rows_of(FEEDS["operational_events"], 1)[0], **payload}]
        )
        message = lender.ingest()["operational_events/a.csv"].message
        assert message.startswith("none of 1 rows can be used (four fifths are needed): 1 wrong_type;")
        assert message.endswith("The column payload holds '***', which is no JSON object.")

    def test_exact_duplicates_are_usable(self, lender):
        lender.deliver("transactions/a.csv", sales(good=9))
        lender.deliver("transactions/b.csv", [*sales(good=9), *sales(A_COMMA, good=0)])
        assert lender.ingest()["transactions/b.csv"].exact_duplicates == 9

    @pytest.mark.parametrize("malformed", [1, 2])
    def test_lines_that_are_no_rows_are_not_usable(self, lender, malformed):
        path = lender.deliver("transactions/a.csv", sales(good=4))
        path.write_text(path.read_text() + "no row\n" * malformed)
        result = lender.ingest()["transactions/a.csv"]
        assert (result.status == "refused") is (malformed == 2)

    def test_a_refused_correction_leaves_the_rows_before_as_they_stand(self, lender):
        lender.deliver("outcomes/0.csv", [{**rows_of(OUTCOMES, 1)[0], "known_at": "2026-06-01 00:00:00"}])
        lender.deliver(
            "outcomes/a.csv", [*rows_of(OUTCOMES, 9), {**rows_of(OUTCOMES, 10)[9], "charge_off": "?"}]
        )
        lender.ingest("one")
        rows_in_raw = "select * from wh.raw.outcomes where portfolio = $p order by all"
        rows_aside = "select * from wh.ops.quarantine where portfolio = $p order by all"
        before = lender.ask(rows_in_raw), lender.ask(rows_aside)
        lender.deliver("outcomes/a.csv", [{**row, "days_past_due": "many"} for row in rows_of(OUTCOMES, 9)])
        assert lender.ingest("two")["outcomes/a.csv"].status == "refused"
        assert (lender.ask(rows_in_raw), lender.ask(rows_aside)) == before
        assert lender.ask(
            "select status from wh.ops.file_ledger where portfolio = $p and path = 'outcomes/a.csv' order by 1"
        ) == [("loaded",), ("refused",)]

    def test_facts_before_their_borrowers_are_refused_until_these_come(self, lender):
        rows = [{**row, "enterprise_id": f"late-{number % 2}"} for number, row in enumerate(sales(good=6))]
        lender.deliver("transactions/a.csv", rows)
        for run in ("one", "two"):
            message = lender.ingest(run)["transactions/a.csv"].message
            assert message.startswith(
                "none of 6 rows can be used (four fifths are needed): 6 unknown_enterprise;"
            )
            assert message.endswith("for this portfolio. Deliver the enterprises first.")
        borrowers = [
            {**row, "enterprise_id": f"late-{number}"}
            for number, row in enumerate(rows_of(FEEDS["enterprises"], 2))
        ]
        lender.deliver("enterprises/late.csv", borrowers)
        assert lender.ingest("three")["transactions/a.csv"].loaded == 6
        assert lender.ask(
            "select status, reason from wh.ops.file_ledger where portfolio = $p and feed = 'transactions'"
        ) == [("loaded", None)]


class TestLostKnownAt:
    @pytest.mark.parametrize(
        ("name", "named"),
        [
            ("recorded_at", "the column recorded_at looks like it: rename it to known_at"),
            ("Known At", "the column known at looks like it: rename it to known_at"),
            ("knownAt", "the column knownat looks like it: rename it to known_at"),
            ("know_at", "the column know_at looks like it: rename it to known_at"),
            ("recordedAt", "the column recordedat looks like it: rename it to known_at"),
            ("known_on", "the column known_on looks like it: rename it to known_at"),
            ("colour", "deliver it again, or say in feeds.yaml where it comes from"),
            (None, "deliver it again, or say in feeds.yaml where it comes from"),
        ],
    )
    @pytest.mark.parametrize("suffix", [".csv", ".parquet", ".ndjson"])
    def test_a_file_without_it_is_refused_where_earlier_files_brought_it(self, lender, name, named, suffix):
        rows = rows_of(OUTCOMES, 4)
        lender.deliver(f"outcomes/a{suffix}", rows[:2])
        lender.deliver(f"outcomes/b{suffix}", without_known_at(rows[2:], name))
        result = lender.ingest()[f"outcomes/b{suffix}"]
        assert result.status == "refused"
        assert result.message.startswith("known_at is missing, earlier files of outcomes brought it; ")
        assert named in result.message.replace("A", "a").replace("K", "k")  # JSON keys keep their capitals
        assert lender.held("outcomes") == 2

    def test_two_columns_that_look_like_it_are_both_named(self, lender):
        rows = rows_of(OUTCOMES, 2)
        lender.deliver("outcomes/a.csv", rows[:1])
        lender.deliver(
            "outcomes/b.csv",
            [{**row, "updated_at": "x"} for row in without_known_at(rows[1:], "recorded_at")],
        )
        assert "the columns recorded_at, updated_at look like it" in lender.ingest()["outcomes/b.csv"].message

    def test_a_column_without_a_value_brings_nothing(self, lender):
        rows = rows_of(OUTCOMES, 6)
        lender.deliver("outcomes/a.csv", rows[:2])
        lender.deliver("outcomes/b.csv", [{**row, "known_at": None} for row in rows[2:4]])
        lender.deliver("outcomes/c.csv", [{**rows[4], "known_at": None}, rows[5]])
        results = lender.ingest()
        assert results["outcomes/b.csv"].message == (
            "known_at is empty in every row, earlier files of outcomes brought it; "
            "deliver it again, or say in feeds.yaml where it comes from"
        )
        assert results["outcomes/c.csv"].loaded == 2

    def test_known_at_that_cannot_be_read_is_there(self, lender):
        rows = rows_of(OUTCOMES, 2)
        lender.deliver("outcomes/a.csv", rows[:1])
        lender.deliver("outcomes/b.csv", [{**rows[1], "known_at": "30.06.2026"}])
        assert (
            "1 wrong_type; the first, row 1: The column known_at" in lender.ingest()["outcomes/b.csv"].message
        )

    def test_it_may_begin_to_be_delivered_and_another_feed_does_not_count(self, lender):
        rows = rows_of(OUTCOMES, 2)
        lender.deliver("outcomes/a.csv", without_known_at(rows[:1]))  # the enterprises brought theirs
        lender.deliver("outcomes/b.csv", rows[1:])
        assert [result.loaded for result in lender.ingest().values()] == [1, 1]
        assert lender.ask(
            """select brings_known_at from wh.ops.file_ledger
               where portfolio = $p and feed = 'outcomes' order by path"""
        ) == [(False,), (True,)]

    def test_a_file_that_was_refused_brought_nothing_and_a_predecessor_did(self, lender):
        rows = rows_of(OUTCOMES, 3)
        lender.deliver("outcomes/a.csv", [{**rows[0], "charge_off": "?"}])
        lender.deliver("outcomes/b.csv", without_known_at(rows[1:2]))
        assert [result.status for result in lender.ingest().values()] == ["refused", "loaded"]
        lender.deliver("outcomes/a.csv", rows[:1])
        assert lender.ingest()["outcomes/a.csv"].status == "loaded"
        lender.deliver("outcomes/a.csv", without_known_at(rows[:1]))
        assert lender.ingest()["outcomes/a.csv"].message.startswith("known_at is missing")

    @pytest.mark.parametrize(("brought", "status"), [(True, "refused"), (False, "loaded")])
    def test_a_warehouse_from_before_it_was_kept_is_asked_for_its_rows(self, lender, brought, status):
        rows = rows_of(OUTCOMES, 2)
        lender.deliver("outcomes/a.csv", rows[:1] if brought else without_known_at(rows[:1]))
        lender.ingest()
        lender.con.execute(
            "update wh.ops.file_ledger set brings_known_at = null where portfolio = ?", [lender.portfolio]
        )
        lender.deliver("outcomes/b.csv", without_known_at(rows[1:]))
        assert lender.ingest()["outcomes/b.csv"].status == status


class TestReadAgain:
    def ingest(self, lender: Lender, path: str, run_id: str, mapping: FeedMapping) -> IngestResult:
        (file,) = [file for file in list_landing(lender.landing) if file.path == path]
        file = file.model_copy(update={"mapping": mapping})
        return ingest_file(lender.con, file, portfolio=lender.portfolio, run_id=run_id)

    def test_a_file_is_read_again_when_feeds_yaml_says_something_else_of_it(self, lender):
        lender.deliver("transactions/a.csv", sales(good=3))
        as_asked, with_comma = FeedMapping(), FeedMapping(delimiter=",")
        loads = [
            self.ingest(lender, "transactions/a.csv", run_id, mapping)
            for run_id, mapping in [("1", as_asked), ("2", as_asked), ("3", with_comma), ("4", with_comma)]
        ]
        assert [load.status for load in loads] == ["loaded", "already_loaded", "loaded", "already_loaded"]
        assert loads[2].message.startswith("replaces ")
        assert loads[2].message.endswith("; feeds.yaml says something else of it now")
        assert lender.ask("select distinct run_id from wh.raw.transactions where portfolio = $p") == [("3",)]
        assert lender.ask(
            "select status, mapping from wh.ops.file_ledger where portfolio = $p and feed = 'transactions' order by 1"
        ) == [("loaded", '{"delimiter":","}'), ("replaced", None)]

    def test_where_that_is_refused_what_was_loaded_stands_and_is_tried_again(self, lender):
        rows = rows_of(OUTCOMES, 2)
        lender.deliver("outcomes/a.csv", without_known_at(rows[:1]))
        lender.deliver("outcomes/b.csv", rows[1:])
        lender.ingest("1")
        before = lender.ask("select * from wh.raw.outcomes where portfolio = $p order by all")
        for run_id in ("2", "3"):
            again = self.ingest(lender, "outcomes/a.csv", run_id, FeedMapping(delimiter=","))
            assert again.message.startswith("known_at is missing")
            assert again.status == "refused"
            assert lender.ask("select * from wh.raw.outcomes where portfolio = $p order by all") == before
        records = lender.ask(
            "select status, run_id, mapping from wh.ops.file_ledger where portfolio = $p and path = 'outcomes/a.csv' "
            "order by 1"
        )
        assert records == [("loaded", "1", None), ("refused", "3", '{"delimiter":","}')]
        assert self.ingest(lender, "outcomes/a.csv", "4", FeedMapping()).status == "already_loaded"


def test_a_line_that_is_no_row_leaves_no_text_behind_in_any_feed(lender):
    for name in ("transactions", "outcomes"):
        for suffix in (".csv", ".ndjson"):
            path = lender.deliver(f"{name}/a{suffix}", rows_of(FEEDS[name], 9, start=10 * len(suffix)))
            path.write_text(path.read_text() + "Ann Example,+49 170 1234567\n")
    lender.ingest()
    aside = lender.ask("select rule, file_row, raw_text from wh.ops.quarantine where portfolio = $p")
    assert aside == [("malformed_row", 10, "***")] * 4
