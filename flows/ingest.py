"""Loads a folder of feed files: each file once, bad rows into quarantine, bad files refused."""

from pathlib import Path

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from pydantic import Field

from flows._parameters import Parameters, Portfolio
from tasks.ingest import IngestSummary, ingest_landing
from tasks.night import end_run, open_run
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.safe_text import in_markdown
from warehouse.settings import settings

_SHOWN = 15


class IngestParameters(Parameters):
    """Parameters of one intake of feed files."""

    landing: Path | None = Field(
        default=None,
        description="Folder with one folder per feed; empty = the portfolio's folder in the landing zone",
    )
    portfolio: Portfolio = Field(
        default="lender", description="Name of the portfolio that the files belong to"
    )


@flow(name="ingest")
def ingest(run: IngestParameters = IngestParameters()) -> IngestSummary:
    """Load what is new in the folder; refused files do not keep the others out, but the run ends as refused.

    Args:
        run: The parameters of this run.

    Returns:
        The result of each file.

    Raises:
        Refused: There is no file to load; or, after all others were loaded, naming the refused files.
    """
    landing = (run.landing or settings().landing_dir / run.portfolio).expanduser().absolute()
    with writer(purpose=f"ingest {run.portfolio}"):
        run_id = open_run("ingest", portfolio=run.portfolio, as_of_date=None, parameters=run)
        with end_run(run_id) as counts:
            summary = ingest_landing(landing, run.portfolio, run_id)
            counts.update(summary.counts())
            if not summary.files:
                raise Refused(f"no feed file in {landing}; put files there such as transactions/2026-06.csv")
            create_markdown_artifact(
                _page(summary), key=f"ingest-{run.portfolio}", description="What was loaded"
            )
            if summary.refused:
                raise Refused(_refusals(summary))
    return summary


def _refusals(summary: IngestSummary) -> str:
    named = "; ".join(f"{file.path}: {file.message.rstrip('.')}" for file in summary.refused[:3])
    more = f"; and {len(summary.refused) - 3} more" if len(summary.refused) > 3 else ""
    others = "nothing is loaded" if len(summary.refused) == len(summary.files) else "the others are loaded"
    return (
        f"{len(summary.refused)} of {len(summary.files)} files refused, {others}: {named}{more} "
        "(reasons in ops.file_ledger)"
    )


def _page(summary: IngestSummary) -> str:
    counts = summary.counts()
    files = sorted(
        summary.files, key=lambda file: (file.status != "refused", file.status != "loaded", file.path)
    )
    rows = [
        f"| {in_markdown(file.path)} | {file.status.replace('_', ' ')} | {file.delivered:,} | {file.loaded:,} | "
        f"{file.quarantined:,} | {file.exact_duplicates:,} | {file.superseded:,} | {in_markdown(file.message)} |"
        for file in files[:_SHOWN]
    ]
    rest = f"\n{len(files) - _SHOWN} more files are in `ops.file_ledger`.\n" if len(files) > _SHOWN else ""
    in_short = (
        f"{counts['files_loaded']} files loaded ({counts['files_replaced']} of them corrections), "
        f"{counts['files_already_loaded']} loaded before, {counts['files_refused']} refused. "
        f"Of {counts['delivered']:,} rows delivered now {counts['loaded']:,} were loaded, "
        f"{counts['quarantined']:,} quarantined (`ops.quarantine` says why) and "
        f"{counts['exact_duplicates']:,} were exact duplicates; "
        f"{counts['superseded']:,} rows that stood before were superseded."
    )
    return f"""# Ingest of {summary.portfolio}

{in_short}

| file | status | delivered | loaded | quarantined | exact duplicates | superseded | remark |
|---|---|--:|--:|--:|--:|--:|---|
{chr(10).join(rows)}
{rest}
**May I rerun?** Yes. A loaded file is not loaded again; a corrected one replaces what it delivered before.
"""
