"""Draw the operational events of the simulated portfolio: logins, exports, orders, receipts, counts, payments."""

from __future__ import annotations

import numpy as np
import polars as pl

from sources.simulated_calendar import DAY_SECONDS, Month, timestamps, to_weekday, working_second
from sources.simulated_world import (
    CHUNK,
    THICK,
    THIN,
    TRANSACTION,
    SimulationSettings,
    World,
    generator,
    season,
)

STREAM = 2
TYPES = ("login", "export", "purchase_order", "goods_received", "stock_count", "supplier_payment")
LOGIN, EXPORT, ORDER, RECEIPT, COUNT, PAYMENT = range(6)
# Goods and payments follow their order within this many days, and a row is known at most a day later.
MAX_DELAY_DAYS = 62
# Events per enterprise relative to the mean of the portfolio: thin files live on them.
_DENSITY = {THIN: 3.0, THICK: 1.0, TRANSACTION: 0.15}
# Share of each independent event type; receipts and payments follow from orders.
_SHARE = {LOGIN: 0.40, EXPORT: 0.11, ORDER: 0.16, COUNT: 0.17}


def draw(settings: SimulationSettings, world: World, month: Month) -> dict[str, np.ndarray]:
    """Draw one chunk's events of one month; receipts and payments belong to the month of their order."""
    rng = generator(settings, chunk=world.chunk, month=month.number, stream=STREAM)
    trait = world.traits
    middle = month.middle - world.start
    strain = world.strain(middle)
    volume = _expected(settings, world, month)
    shock = np.exp(0.25 * rng.standard_normal(CHUNK) - 0.03)
    diligence = np.exp(0.45 * trait["diligence"] - 0.10) * (1 - 0.6 * strain)
    irregular = np.exp(np.exp(-1.3 + 0.6 * trait["irregularity"]) * (1 + strain) * rng.standard_normal(CHUNK))
    tempo: dict[int, np.ndarray] = {
        LOGIN: diligence,
        EXPORT: diligence**1.3,
        ORDER: np.ones(CHUNK),
        COUNT: np.exp(-0.2 * trait["stock"]),
    }
    parts = []
    serial = np.zeros(CHUNK, dtype=np.int64)
    for code, share in _SHARE.items():
        count = rng.poisson(volume * share * shock * tempo[code])
        who = np.repeat(np.arange(CHUNK), count)
        order = np.arange(who.size) - np.repeat(np.cumsum(count) - count, count)
        position = (order + 0.5 + (rng.random(who.size) - 0.5) * 0.9) / count[who]
        day = month.first + np.minimum(
            (position ** irregular[who] * month.days).astype(np.int64), month.days - 1
        )
        day = to_weekday(day, moves=rng.random(who.size) < 0.7, month=month)
        occurred = day * DAY_SECONDS + working_second(rng, who.size)
        parts.append(_blank(who, order + serial[who], occurred, code))
        serial += count
        if code == ORDER:
            parts += _orders(rng, world, parts[-1], strain, serial)
        if code == COUNT:
            _counts(rng, world, parts[-1], strain, month)
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    size = rows["who"].size
    rows["number"] = world.number[rows["who"]]
    rows["month"] = np.full(size, month.number)
    rows["known"] = rows["occurred"] + (np.minimum(rng.exponential(0.1, size), 0.9) * DAY_SECONDS).astype(
        np.int64
    )
    rows["dirt"] = rng.random(size)
    keep = (rows["number"] < settings.enterprises) & (rows["occurred"] >= world.start * DAY_SECONDS)
    return {name: values[keep] for name, values in rows.items()}


def _orders(
    rng: np.random.Generator,
    world: World,
    orders: dict[str, np.ndarray],
    strain: np.ndarray,
    serial: np.ndarray,
) -> list[dict[str, np.ndarray]]:
    """Complete the orders in place and return the receipts and payments that follow from them."""
    who = orders["who"]
    trait = world.traits
    rank = (
        (3 + 10 * np.exp(0.3 * trait["size"]))[who]
        * rng.random(who.size) ** np.exp(0.7 + 0.5 * trait["concentration"] + 0.4 * strain)[who]
    ).astype(np.int64)
    orders["supplier"] = (world.number[who] * 7919 + rank * 104_729 + 57_731) % 200_000
    spread = np.clip(0.6 + 0.15 * trait["volatility"] + 0.2 * strain, 0.2, 2.0)[who]
    money = np.exp((6.0 + 0.9 * trait["size"])[who] + spread * rng.standard_normal(who.size) - spread**2 / 2)
    orders["cents"] = np.maximum(np.round(money * 100), 1).astype(np.int64)
    promise = rng.integers(4, 22, who.size)
    orders["other"] = orders["occurred"] // DAY_SECONDS + promise
    orders["order"] = orders["event"]
    # Bad payers are served last, so the supplier's delay also depends on the latent risk.
    latency = (1.0 + 2.8 * trait["supply"] + 6 * strain)[who] + (2.5 + np.exp(0.4 + 0.4 * trait["supply"]))[
        who
    ] * rng.standard_normal(who.size)
    lag = np.clip(promise + latency, 0.5, 60)
    receipts = {name: values.copy() for name, values in orders.items()}
    receipts["code"][:] = RECEIPT
    receipts["occurred"] = orders["occurred"] + (lag * DAY_SECONDS).astype(np.int64)
    receipts["units"] = np.maximum(1, orders["cents"] // 1900)
    came = rng.random(who.size) < 0.96
    late = (0.5 + 3.5 * trait["lateness"] + 14 * strain)[who] + 6 * rng.standard_normal(who.size)
    pays = {name: values.copy() for name, values in orders.items()}
    pays["code"][:] = PAYMENT
    pays["other"] = orders["occurred"] // DAY_SECONDS + 30
    pays["occurred"] = orders["occurred"] + (np.clip(30 + late, 0.5, 60) * DAY_SECONDS).astype(np.int64)
    paid = rng.random(who.size) < np.clip(0.97 - 0.4 * strain, 0, 1)[who]
    for follower in (receipts, pays):
        follower["event"] = serial[who] + np.arange(who.size) - np.searchsorted(who, who)
        serial += np.bincount(who, minlength=CHUNK)
    return [
        {name: values[came] for name, values in receipts.items()},
        {name: values[paid] for name, values in pays.items()},
    ]


def _counts(
    rng: np.random.Generator, world: World, counts: dict[str, np.ndarray], strain: np.ndarray, month: Month
) -> None:
    """Fill in units on hand and units sold since the last count."""
    who = counts["who"]
    trait = world.traits
    base = np.exp((4.5 + 0.6 * trait["size"])[who]) * season(world.industry, month.month_of_year)[who]
    wobble = np.clip(0.3 + 0.2 * trait["stock"] + 0.25 * strain, 0.05, 1.5)[who]
    left = world.activity(month.middle - world.start)[who]
    counts["units"] = np.round(base * left * np.exp(wobble * rng.standard_normal(who.size))).astype(np.int64)
    on_hand = base * 1.6 * np.exp(wobble * rng.standard_normal(who.size)) * (1 + 0.4 * strain[who])
    counts["other"] = np.round(on_hand).astype(np.int64)


def finish(rows: dict[str, np.ndarray]) -> pl.DataFrame:
    """Give the drawn rows typed columns; `lines` turns them into NDJSON."""
    return pl.DataFrame(
        {
            "number": rows["number"], "month": rows["month"], "event": rows["event"],
            "occurred_at": timestamps(rows["occurred"]), "known_at": timestamps(rows["known"]),
            "code": rows["code"].astype(np.int8), "order": rows["order"], "supplier": rows["supplier"],
            "cents": rows["cents"], "other": rows["other"], "units": rows["units"],
            "_known": rows["known"], "_dirt": rows["dirt"],
        }
    ).with_columns(enterprise_id=pl.format("E{}", pl.col("number").cast(pl.String).str.zfill(7)))  # fmt: skip


def lines(events: pl.DataFrame) -> pl.DataFrame:
    """Return one column `line` with each event as one JSON object with its nested payload."""
    digits = pl.col("number").cast(pl.String).str.zfill(7)
    amount = (pl.col("cents") / 100).cast(pl.Decimal(18, 2)).cast(pl.String)
    order = pl.concat_str(
        pl.lit('"order_id":"O'), digits, pl.lit("-"), "month", pl.lit("-"), "order",
        pl.lit('","supplier_id":"P'), pl.col("supplier").cast(pl.String).str.zfill(6), pl.lit('"'),
    )  # fmt: skip
    day = pl.col("other").cast(pl.Int32).cast(pl.Date).dt.to_string("%Y-%m-%d")
    money = pl.concat_str(order, pl.lit(',"amount":'), amount)
    body = (
        pl.when(pl.col("code") == ORDER)
        .then(pl.concat_str(money, pl.lit(',"promised_at":"'), day, pl.lit('T00:00:00"')))
        .when(pl.col("code") == RECEIPT)
        .then(pl.concat_str(order, pl.lit(',"quantity":'), "units"))
        .when(pl.col("code") == PAYMENT)
        .then(pl.concat_str(money, pl.lit(',"due_at":"'), day, pl.lit('T00:00:00"')))
        .when(pl.col("code") == COUNT)
        .then(pl.concat_str(pl.lit('"units_on_hand":'), "other", pl.lit(',"units_sold":'), "units"))
        .otherwise(pl.lit(""))
    )
    kind = pl.col("code").replace_strict(dict(enumerate(TYPES)), return_dtype=pl.String)
    at = "%Y-%m-%dT%H:%M:%S"
    return events.select(
        line=pl.concat_str(
            pl.lit('{"event_id":"V'), digits, pl.lit("-"), "month", pl.lit("-"), "event",
            pl.lit('","enterprise_id":"'), "enterprise_id",
            pl.lit('","occurred_at":"'), pl.when(pl.col("spoilt"))
            .then(pl.lit("yesterday")).otherwise(pl.col("occurred_at").dt.to_string(at)),
            pl.lit('","known_at":"'), pl.col("known_at").dt.to_string(at),
            pl.lit('","event_type":"'), kind, pl.lit('","payload":{'), body, pl.lit("}}"),
        )
    )  # fmt: skip


def _blank(who: np.ndarray, event: np.ndarray, occurred: np.ndarray, code: int) -> dict[str, np.ndarray]:
    zero = np.zeros(who.size, dtype=np.int64)
    return {
        "who": who, "event": event, "occurred": occurred, "code": np.full(who.size, code), "order": zero - 1,
        "supplier": zero, "cents": zero, "other": zero, "units": zero,
    }  # fmt: skip


def _expected(settings: SimulationSettings, world: World, month: Month) -> np.ndarray:
    """Return each enterprise's expected number of independent events in the month; their mean is the stated one."""
    share = {THIN: settings.thin_share, THICK: settings.thick_share, TRANSACTION: settings.transaction_share}
    mean = sum(_DENSITY[kind] * part for kind, part in share.items())
    if mean == 0:
        return np.zeros(CHUNK)
    density = np.select([world.kind == kind for kind in _DENSITY], list(_DENSITY.values()), 0.0) / mean
    per_day = settings.events_per_enterprise / 760.0
    size = np.exp(0.3 * world.traits["size"] - 0.045)
    return density * per_day * month.days * size * world.activity(month.middle - world.start)
