"""Every feed in every format: good rows are loaded, bad ones are quarantined, and the counts always add up."""

from __future__ import annotations

import pytest
from feed_rows import FORMATS, Row, among_good, rows_of

from warehouse.intake.feed import Feed
from warehouse.intake.feeds import FEEDS

EVERY_FEED = pytest.mark.parametrize("feed", FEEDS.values(), ids=lambda feed: feed.name)


def new_rows(feed: Feed, number: int, *, start: int = 0) -> list[Row]:
    """Good rows whose keys the base enterprises do not have."""
    rows = rows_of(feed, number, start=start)
    if feed.name == "enterprises":
        for n, row in enumerate(rows):
            row["enterprise_id"] = f"N{n}"
    return rows


@EVERY_FEED
@pytest.mark.parametrize("suffix", FORMATS)
def test_a_good_file_is_loaded_with_its_types_and_row_numbers(lender, feed, suffix):
    rows = new_rows(feed, 3)
    lender.deliver(f"{feed.name}/good{suffix}", rows)
    result = lender.ingest()[f"{feed.name}/good{suffix}"]
    assert (result.status, result.delivered, result.loaded) == ("loaded", 3, 3), result
    columns = ", ".join(f'cast("{column.name}" as varchar)' for column in feed.columns)
    stored = lender.ask(
        f"select file_row, {columns} from wh.raw.{feed.name} "
        "where portfolio = $p and file_hash <> (select min(file_hash) from wh.ops.file_ledger "
        "where portfolio = $p and path = 'enterprises/base.csv') order by file_row"
    )
    assert [row[0] for row in stored] == [1, 2, 3]
    for row, delivered in zip(stored, rows, strict=True):
        assert dict(zip([column.name for column in feed.columns], row[1:], strict=True)) == {
            name: value.replace(" ", "") if name == "payload" else value for name, value in delivered.items()
        }


@EVERY_FEED
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".ndjson"])
class TestEveryFeedInEveryFormat:
    def test_each_column_deleted_in_turn(self, lender, feed, suffix):
        for start, column in enumerate(feed.columns):
            kept = [other.name for other in feed.columns if other is not column]
            rows = new_rows(feed, 2, start=2 * start)
            path = lender.deliver(f"{feed.name}/no_{column.name}{suffix}", rows, columns=kept)
            result = lender.ingest()[f"{feed.name}/no_{column.name}{suffix}"]
            path.unlink()
            if column.name in feed.must_deliver:
                assert result.status == "refused"
                assert result.message == (
                    f"missing columns: {column.name}; add them, empty or not, or map them in feeds.yaml "
                    "(python -m flows draft proposes how)"
                )
            elif column.name == "known_at" and feed.name == "enterprises":  # those that are loaded brought it
                assert result.message == (
                    f"known_at is missing, earlier files of {feed.name} brought it; deliver it again, or say in "
                    "feeds.yaml where it comes from"
                )
            else:
                assert result.status == "loaded"
                assert result.delivered == 2

    def test_each_type_broken_in_turn(self, lender, feed, suffix):
        typed = [column.name for column in feed.columns if column.type != "varchar"]
        rows = new_rows(feed, len(typed) + 1)
        for row, name in zip(rows, typed, strict=False):
            row[name] = "surprise"
        file_rows = among_good(feed, rows)
        lender.deliver(f"{feed.name}/broken{suffix}", file_rows)
        result = lender.ingest()[f"{feed.name}/broken{suffix}"]
        loaded = len(file_rows) - len(typed)
        assert (result.status, result.quarantined, result.loaded) == ("loaded", len(typed), loaded)
        quarantined = lender.quarantine()
        assert [(row, rule) for row, rule, _ in quarantined] == [
            (n + 1, "wrong_type") for n in range(len(typed))
        ]
        for name, (_, _, detail) in zip(typed, quarantined, strict=True):
            value = "***" if name in feed.hidden else "aaaaaaaa"
            assert detail.startswith(f"The column {name} holds '{value}', which is no "), detail

    def test_each_required_column_empty_in_turn(self, lender, feed, suffix):
        required = [column.name for column in feed.columns if column.required]
        rows = new_rows(feed, len(required) + 1)
        for row, name in zip(rows, required, strict=False):
            row[name] = None
        file_rows = among_good(feed, rows)
        lender.deliver(f"{feed.name}/holes{suffix}", file_rows)
        result = lender.ingest()[f"{feed.name}/holes{suffix}"]
        assert (result.quarantined, result.loaded) == (len(required), len(file_rows) - len(required))
        assert lender.quarantine() == [
            (n + 1, "missing_key", f"The column {name} is empty.") for n, name in enumerate(required)
        ]

    def test_each_key_doubled_exactly_and_with_other_content(self, lender, feed, suffix):
        other = next(
            name for name in reversed(feed.must_deliver) if name not in feed.key and name != "enterprise_id"
        )
        rows = new_rows(feed, 3)
        changed = [
            {**row, other: None if not feed.column(other).required else _another(feed, other, row)}
            for row in rows
        ]
        more = rows_of(feed, 9, start=100)
        lender.deliver(f"{feed.name}/twice{suffix}", [*rows, *rows, *changed, *more])
        result = lender.ingest()[f"{feed.name}/twice{suffix}"]
        assert (result.loaded, result.exact_duplicates, result.quarantined) == (12, 3, 3), result
        quarantined = lender.quarantine()
        assert [(row, rule) for row, rule, _ in quarantined] == [(n, "key_repeated") for n in (7, 8, 9)]
        assert all(name in detail for name in feed.key for _, _, detail in quarantined)
        # in a file of its own the same holds against the rows that are loaded
        lender.deliver(f"{feed.name}/again{suffix}", [*changed, *rows, *more])
        result = lender.ingest()[f"{feed.name}/again{suffix}"]
        assert (result.loaded, result.exact_duplicates, result.quarantined) == (0, 12, 3)
        assert lender.held(feed.name) == 12

    def test_a_closed_list_of_values_and_a_fact_known_before_it_happened(self, lender, feed, suffix):
        listed = [column.name for column in feed.columns if column.choices]
        rows = new_rows(feed, len(listed) + 2)
        for row, name in zip(rows, listed, strict=False):
            row[name] = "surprise"
        rows[-1]["known_at"] = "2026-04-30 23:59:59"
        file_rows = among_good(feed, rows)
        lender.deliver(f"{feed.name}/odd{suffix}", file_rows)
        loaded = len(file_rows) - len(listed) - 1
        assert lender.ingest()[f"{feed.name}/odd{suffix}"].loaded == loaded
        rules = [(row, rule) for row, rule, _ in lender.quarantine()]
        expected = [(n + 1, "not_allowed") for n in range(len(listed))]
        assert rules == [*expected, (len(rows), "known_before_fact")]

    def test_a_file_of_this_feed_in_another_folder_is_the_wrong_feed(self, lender, feed, suffix):
        folder = "outcomes" if feed.name != "outcomes" else "transactions"
        lender.deliver(f"{folder}/lost{suffix}", new_rows(feed, 2))
        result = lender.ingest()[f"{folder}/lost{suffix}"]
        assert result.status == "refused"
        assert result.message.startswith(f"wrong feed: these are the columns of {feed.name};")

    def test_an_enterprise_that_nobody_delivered(self, lender, feed, suffix):
        rows = new_rows(feed, 5)
        rows[1]["enterprise_id"] = "nobody"
        lender.deliver(f"{feed.name}/stranger{suffix}", rows)
        result = lender.ingest()[f"{feed.name}/stranger{suffix}"]
        if feed.name in ("enterprises", "scenarios"):
            assert result.loaded == 5
        else:
            assert lender.quarantine() == [
                (2, "unknown_enterprise", "No enterprise 'aaaaaa' was delivered for this portfolio.")
            ]


def _another(feed: Feed, name: str, row: Row) -> str:
    choices = feed.column(name).choices
    return next(choice for choice in choices if choice != row[name]) if choices else "9.99"


def test_a_share_above_one_or_below_nought_is_quarantined(lender):
    feed = FEEDS["loan_ledger"]
    rows = new_rows(feed, 4)
    for row, value in zip(rows, ("1.2", "-0.1", "1", None), strict=True):
        row["loss_given_default"] = value
    lender.deliver("loan_ledger/shares.csv", among_good(feed, rows))
    result = lender.ingest()["loan_ledger/shares.csv"]
    assert (result.quarantined, result.loaded) == (2, 18)
    assert lender.quarantine() == [
        (
            1,
            "no_share",
            "The column loss_given_default holds '9.9', which is no share; deliver a number from 0 to 1.",
        ),
        (
            2,
            "no_share",
            "The column loss_given_default holds '-9.9', which is no share; deliver a number from 0 to 1.",
        ),
    ]
