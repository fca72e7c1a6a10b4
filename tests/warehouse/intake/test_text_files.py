"""Text as lenders write it: what cannot change a value is read, all else is refused whole in one true sentence."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable

import pytest
from feed_rows import Lender, Row, rows_of
from hypothesis import given
from hypothesis import strategies as st

from warehouse.intake import file_bytes
from warehouse.intake.column_names import near_names
from warehouse.intake.encodings import looks_like
from warehouse.intake.feeds import FEEDS
from warehouse.intake.ingest import IngestResult, ingest_file
from warehouse.intake.landing import LandingFile
from warehouse.intake.mapping import FeedMapping
from warehouse.intake.records import records, span
from warehouse.settings import settings

FEED = FEEDS["transactions"]
NAMES = [column.name for column in FEED.columns]


def sales(*names: str) -> list[Row]:
    """Sales whose counterparties have these names."""
    return [
        row | {"counterparty_id": name} for row, name in zip(rows_of(FEED, len(names)), names, strict=True)
    ]


def csv_text(rows: list[Row], *, delimiter: str = ",", end: str = "\n") -> str:
    def field(value: str) -> str:
        quoted = any(mark in value for mark in (delimiter, '"', "\n", "\r"))
        return '"' + value.replace('"', '""') + '"' if quoted else value

    return "".join(
        delimiter.join(map(field, line)) + end for line in [NAMES, *(row.values() for row in rows)]
    )


def ndjson_text(rows: list[Row]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def load(
    lender: Lender, content: bytes | str, suffix: str = ".csv", mapping: FeedMapping | None = None
) -> IngestResult:
    """Ingest one file of transactions; nothing but the result may be left behind."""
    data = content.encode() if isinstance(content, str) else content
    path = lender.landing / f"transactions/a{suffix}"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(data) if suffix.endswith(".gz") else data)
    file = LandingFile(
        feed="transactions", path=f"transactions/a{suffix}", full=path, mapping=mapping or FeedMapping()
    )
    result = ingest_file(lender.con, file, portfolio=lender.portfolio, run_id="run")
    assert not list(settings().spill_dir.glob("intake-*"))
    assert "\n" not in result.message
    if result.status == "refused":
        assert lender.held("transactions") == 0
        stored = lender.ask(
            "select reason from wh.ops.file_ledger where portfolio = $p and status = 'refused' and path = $f",
            f=result.path,
        )
        assert stored[-1] == (result.message,)
    return result


def counterparties(lender: Lender) -> list[str]:
    rows = lender.ask(
        "select counterparty_id from wh.raw.transactions where portfolio = $p order by file_row"
    )
    return [name for (name,) in rows]


class TestEncoding:
    @pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".ndjson", ".ndjson.gz"])
    @pytest.mark.parametrize("row", [1, 3])
    @pytest.mark.parametrize("chunk", [7, 1 << 20])
    def test_text_that_is_not_utf8_is_refused_whole_from_its_row_on(
        self, lender, monkeypatch, suffix, row, chunk
    ):
        monkeypatch.setattr(file_bytes, "CHUNK", chunk)
        names = ["A", "B, \nand C", "D"]
        names[row - 1] = "Müller"
        text = csv_text(sales(*names)) if suffix.startswith(".csv") else ndjson_text(sales(*names))
        assert load(lender, text.encode("cp1252"), suffix).message == (
            f"unreadable: not UTF-8 from row {row} on; looks like Windows-1252; "
            "save it as UTF-8 or say encoding: windows-1252 in feeds.yaml"
        )

    def test_in_the_header_and_before_it(self, lender):
        text = csv_text(sales("A", "B")).replace("voided", "Währung", 1).encode("cp1252")
        assert load(lender, text).message.startswith(
            "unreadable: not UTF-8 in the header; looks like Windows-1252; "
        )
        text = ("Umsätze\n\n" + csv_text(sales("A", "B"))).encode("cp1252")
        message = load(lender, text).message
        assert message.startswith("unreadable: not UTF-8 from line 1 on; looks like Windows-1252; ")
        assert message.endswith("; line 3 looks like the header: say skip_lines: 2 in feeds.yaml")

    def test_blank_lines_and_quoted_line_ends_do_not_count_as_rows(self, lender):
        text = csv_text(sales('two\n"lines"', "B", "Öl")).replace("\n", "\n\n", 1)
        assert "not UTF-8 from row 3 on" in load(lender, text.encode("cp1252")).message

    def test_two_encodings_in_one_file(self, lender):
        text = csv_text(sales("Müller", "A", "Öl")).encode().replace("Öl".encode(), b"\xd6l")
        assert load(lender, text).message == (
            "unreadable: not UTF-8 from row 3 on; what is before it is UTF-8, so two encodings are mixed; "
            "save all of it as UTF-8"
        )

    @pytest.mark.parametrize(
        "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
    )
    @pytest.mark.parametrize("suffix", [".csv", ".ndjson.gz"])
    def test_wide_encodings_are_named_and_read_where_feeds_yaml_says_so(self, lender, encoding, suffix):
        rows = sales("Müller", "Łódź", "東京")
        content = (csv_text(rows) if suffix == ".csv" else ndjson_text(rows)).encode(encoding)
        assert load(lender, content, suffix).message == (
            f"unreadable: not UTF-8; looks like {encoding.upper()}; "
            f"save it as UTF-8 or say encoding: {encoding} in feeds.yaml"
        )
        assert load(lender, content, suffix, FeedMapping(encoding=encoding)).loaded == 3
        assert counterparties(lender) == ["Müller", "Łódź", "東京"]

    @pytest.mark.parametrize(
        ("encoding", "name"),
        [
            *[("cp1252", name) for name in ("Müller", "Café Été", "5 € „Öl“")],
            ("iso-8859-1", "Señor Åsa"),
            ("cp1250", "Łódź"),
            ("cp850", "Müller"),
            ("mac_roman", "Müller"),
            ("cp1251", "Ромашка"),
            ("shift_jis", "株式会社"),
            ("gb18030", "有限公司"),
        ],
    )
    def test_another_encoding_is_read_where_feeds_yaml_says_so(self, lender, monkeypatch, encoding, name):
        monkeypatch.setattr(file_bytes, "CHUNK", 11)
        content = csv_text(sales("A", name, 'x, "y"\r\nz'), end="\r\n").encode(encoding)
        assert load(lender, content).status == "refused"
        assert load(lender, content, mapping=FeedMapping(encoding=encoding)).loaded == 3
        assert counterparties(lender) == ["A", name, 'x, "y"\r\nz']

    def test_a_byte_that_the_named_encoding_does_not_know(self, lender):
        content = csv_text(sales("A", "Öl", "B?")).encode("cp1252").replace(b"B?", b"B\x81")
        message = load(lender, content, mapping=FeedMapping(encoding="cp1252")).message
        assert message.startswith("unreadable: not cp1252, as feeds.yaml says from row 3 on; ")

    @pytest.mark.parametrize("encoding", ["cp1252", "iso-8859-15", "cp850"])
    def test_utf8_is_not_read_as_something_else(self, lender, encoding):
        message = load(lender, csv_text(sales("Müller")), mapping=FeedMapping(encoding=encoding)).message
        assert message == (
            f"unreadable: feeds.yaml says encoding: {encoding}, but the file is UTF-8; say encoding: utf-8"
        )

    @pytest.mark.parametrize(
        ("encoding", "text", "guess"),
        [
            ("cp1252", "Müller", "windows-1252"),
            ("cp1250", "Łódź", "windows-1250"),
            ("cp850", "Müller", "cp850"),
            ("cp1251", "Ромашка, Москва", "windows-1251"),
            ("gb18030", "有限公司,北京市", "gb18030"),
        ],
    )
    def test_the_guess(self, encoding, text, guess):
        assert looks_like(text.encode(encoding), start=b"a,b\n") == guess

    @pytest.mark.parametrize("suffix", [".csv", ".ndjson"])
    def test_zero_bytes_are_no_text(self, lender, suffix):
        text = csv_text(sales("A", "B")) if suffix == ".csv" else ndjson_text(sales("A", "B"))
        message = load(lender, text + "\0" * 4096 + "\n", suffix).message
        assert message.startswith("unreadable: zero bytes, which no text has, from row 3 on; ")


class TestEnds:
    @pytest.mark.parametrize("kind", ["csv", "ndjson"])
    def test_what_was_cut_before_it_was_compressed_is_refused_as_a_plain_file_is(self, lender, kind):
        text = csv_text(sales("A", "B")) if kind == "csv" else ndjson_text(sales("A", "B"))
        for cut in (2, 5, 40):
            messages = {load(lender, text[:-cut], f".{kind}{end}").message for end in ("", ".gz")}
            assert len(messages) == 1
            assert messages.pop().startswith("truncated: the last line ")

    @pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
    @pytest.mark.parametrize("chunk", [3, 1 << 20])
    @pytest.mark.parametrize(
        "spoil",
        [
            lambda text: text.replace("\n", "\r\n", 2),
            lambda text: text.replace("\n", "\r\n").replace("\r\n", "\n", 2),
            lambda text: text.replace("\n", "\r", 2),
            lambda text: text.replace("\n", "\r"),
            lambda text: text.replace("\n", "\r\r\n"),
            lambda text: text.replace("\n", "\n\r\n", 3),
        ],
        ids=["crlf then lf", "lf then crlf", "cr then lf", "cr", "cr crlf", "blank lines between"],
    )
    def test_mixed_line_ends_are_read_without_changing_a_value(
        self, lender, monkeypatch, spoil, suffix, chunk
    ):
        monkeypatch.setattr(file_bytes, "CHUNK", chunk)
        names = ['a "b", c', '5" pipe', "d;e", ""]
        assert load(lender, spoil(csv_text(sales(*names))), suffix).loaded == 4
        assert counterparties(lender) == ['a "b", c', '5" pipe', "d;e", None]

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_line_ends_in_quotes_stay_as_they_are(self, lender, end):
        names = ["a\nb", "c\r\nd", "e\rf", 'g"\r\n"h']
        assert load(lender, csv_text(sales(*names), end=end)).loaded == 4
        assert counterparties(lender) == names

    def test_bad_rows_keep_their_numbers_in_a_copy(self, lender):
        head, *lines = csv_text(sales("A", "B\r\nb", "C", "D")).split("\n")
        text = head + "\r\n" + lines[0] + "\n\nx,y\r\n" + "\n".join(lines[1:])
        result = load(lender, text)
        assert (result.loaded, result.quarantined) == (4, 1)
        assert lender.quarantine() == [(2, "malformed_row", "The line has 2 fields, the header has 10.")]
        rows = lender.ask("select file_row from wh.raw.transactions where portfolio = $p order by 1")
        assert rows == [(1,), (3,), (4,), (5,)]

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 20])
    @pytest.mark.parametrize(
        ("ends", "sentence"),
        [
            (["\r\n", "\r\n", "\n", "\n"], "mixed line ends, the first other one in line 3; "),
            (["\n", "\r\n", "\n", "\n"], "mixed line ends, the first other one in line 2; "),
            (["\n", "\n", "\n", "\r"], "mixed line ends, the first other one in line 4; "),
            (["\r", "\r", "\r", "\r"], "its lines end in CR alone; "),
        ],
    )
    def test_line_ends_that_are_not_alike_are_told(self, lender, monkeypatch, size, ends, sentence):
        monkeypatch.setattr(file_bytes, "CHUNK", size)
        lines = csv_text(sales("A", "B", "C")).splitlines()
        result = load(lender, "".join(line + end for line, end in zip(lines, ends, strict=True)))
        assert result.loaded == 3
        assert result.message.startswith(sentence)

    @pytest.mark.parametrize("end", ["\r\n", "\r"])
    def test_other_line_ends_in_ndjson(self, lender, end):
        text = ndjson_text(sales("A", "B", "C")).replace("\n", end, 2)
        assert load(lender, text, ".ndjson").loaded == 3

    @given(
        fields=st.lists(st.text(st.sampled_from('a,;"\r\n ')), min_size=1, max_size=12),
        size=st.integers(1, 20),
        end=st.sampled_from(["\n", "\r\n", "\r"]),
    )
    def test_records_hold_what_was_written(self, fields, size, end):
        written = ['"' + field.replace('"', '""') + '",x' for field in fields]
        data = "".join(line + end for line in written).encode()
        pieces = (data[at : at + size] for at in range(0, len(data), size))
        assert [record.decode() for record in records(pieces, delimiter=",")] == written

    @given(
        data=st.binary(max_size=40), size=st.integers(1, 9), start=st.integers(0, 45), stop=st.integers(0, 45)
    )
    def test_a_span_is_a_slice(self, data, size, start, stop):
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        assert b"".join(span(iter(pieces), start, stop)) == data[start:stop]
        assert b"".join(span(iter(pieces), start)) == data[start:]


class TestHeader:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^"])
    @pytest.mark.parametrize("line", ["sep={}\r\n", '"sep={}"\n', "\ufeffSEP={}\n"])
    def test_a_line_that_names_the_delimiter(self, lender, delimiter, line):
        text = line.format(delimiter) + csv_text(sales("A", f"b{delimiter}c"), delimiter=delimiter)
        assert load(lender, text).loaded == 2
        assert counterparties(lender) == ["A", f"b{delimiter}c"]

    @pytest.mark.parametrize(
        "above",
        [
            "Report of June\n",
            "# made by x\n# y\n",
            '"Account";"DE00"\n""\n"Balance:";"1,00"\n\n',
            "a,b\n\n\n\n1,2\n",
        ],
    )
    def test_lines_before_the_header_are_named_and_skipped_where_feeds_yaml_says_so(self, lender, above):
        text, lines = above + csv_text(sales("A", "B")), above.count("\n")
        assert load(lender, text).message == (
            f"no header in line 1; line {lines + 1} looks like the header: say skip_lines: {lines} in feeds.yaml"
        )
        wrong = load(lender, text, mapping=FeedMapping(skip_lines=lines + 1)).message
        assert wrong.endswith(
            f"; line {lines + 1} looks like the header: say skip_lines: {lines} in feeds.yaml"
        )
        assert load(lender, text, mapping=FeedMapping(skip_lines=lines)).loaded == 2

    def test_where_the_header_is_that_has_no_name_of_ours(self, lender):
        table = "Buchung;Empfänger;Betrag\n" + "01.02.2026;Müller;1,50\n" * 3
        assert load(lender, table).message == (
            "missing columns: none of ours is among the 3 of line 1; rename them, or map them in feeds.yaml "
            "(python -m flows draft proposes how)"
        )
        assert load(lender, "Konto;DE00\n\n" + table).message.endswith(
            "; line 3 looks like the header: say skip_lines: 2 in feeds.yaml"
        )

    def test_blank_lines_before_the_header(self, lender):
        assert load(lender, "\n\r\n\n" + csv_text(sales("A", "B"))).loaded == 2

    @pytest.mark.parametrize(
        ("ours", "theirs"),
        [
            ("occurred_at", "Occured At"),
            ("enterprise_id", "Company ID"),
            ("amount", "amount_eur"),
            ("counterparty_id", "counterPartyId"),
        ],
    )
    @pytest.mark.parametrize("suffix", [".csv", ".ndjson"])
    def test_a_renamed_column_is_named_beside_ours(self, lender, ours, theirs, suffix):
        text = csv_text(sales("A")) if suffix == ".csv" else ndjson_text(sales("A"))
        message = load(lender, text.replace(ours, theirs), suffix).message
        assert message == (
            f"missing columns: {ours} (is it {theirs.lower()}?); no columns of ours: {theirs.lower()}; rename them, "
            "or map them in feeds.yaml (python -m flows draft proposes how)"
        )

    @pytest.mark.parametrize(
        "name", ["Known At", "knownAt", "recorded_at", "KNOWN-AT", "knwon_at", "reported date"]
    )
    def test_names_near_known_at(self, name):
        assert near_names(["known_at", "amount"], [name, "colour", "kind of thing"]) == {"known_at": (name,)}

    @pytest.mark.parametrize("name", ["colour", "kind", "x", "", "betrag"])
    def test_names_that_are_not_near(self, name):
        assert near_names(["known_at", "enterprise_id"], [name]) == {}

    @pytest.mark.parametrize("change", [str, str.upper, lambda line: f" {line} "])
    @pytest.mark.parametrize("row", [1, 2, 4])
    def test_the_header_again_is_a_row_that_is_none(self, lender, change: Callable[[str], str], row):
        head, *lines = csv_text(sales(*"ABCDEFGH")).splitlines()
        lines.insert(0, "x")
        lines.insert(row, change(head))
        result = load(lender, "\n".join([head, *lines, ""]))
        assert (result.loaded, result.quarantined) == (8, 2)
        assert (row + 1, "malformed_row", "The line is the header again.") in lender.quarantine()
        rows = lender.ask("select file_row from wh.raw.transactions where portfolio = $p order by 1")
        assert [number for (number,) in rows] == [number for number in range(2, 11) if number != row + 1]

    def test_a_header_in_another_order_refuses_what_was_joined(self, lender):
        text = csv_text(sales("A", "B"))
        assert load(lender, text + ",".join(reversed(NAMES)) + "\n" + text).message == (
            "two files were joined: row 3 is a header that has the columns in another order; deliver them as two files"
        )

    @pytest.mark.parametrize("text", ['{"a": 1}\n{"b": 2}\n', '{"": 1}\n', '{"A": {"amount": 1}}\n'])
    def test_objects_without_a_key_of_ours(self, lender, text):
        message = load(lender, text, ".ndjson").message
        assert message.startswith("missing columns: none of ours is among the ")


def test_no_message_is_duckdbs(lender):
    text = csv_text(sales("A", "B", "C"))
    for at in range(20, len(text), 71):
        for put in ('"', "\r", "\n", '"x', "\r\n\r", "\0", "\\"):
            message = load(lender, text[:at] + put + text[at:]).message
            assert not re.search(r"state machine|Invalid Input|Error:", message), message
            lender.portfolio += "x"
            lender.con.execute(
                "insert into wh.raw.enterprises by name select * replace ($n as portfolio) "
                "from wh.raw.enterprises where portfolio = $p",
                {"n": lender.portfolio, "p": lender.portfolio[:-1]},
            )
