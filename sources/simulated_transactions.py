"""Draw the transactions of the simulated portfolio as noisy consequences of the latent risk."""

from __future__ import annotations

import numpy as np
import polars as pl

from sources.simulated_calendar import DAY_SECONDS, Month, maybe, timestamps, to_weekday, working_second
from sources.simulated_world import (
    CHUNK,
    THICK,
    TRANSACTION,
    SimulationSettings,
    World,
    generator,
    season,
)

STREAM = 1
KINDS = ("sale", "supplier_payment", "purchase", "refund")
SALE, SUPPLIER_PAYMENT, PURCHASE, REFUND = range(4)
# A row is known at most this many days after the fact: late arrival plus a later void.
MAX_DELAY_DAYS = 42
_COUNTERPARTIES = 200_000
_WEEKEND_CLOSED = 0.8


def draw(settings: SimulationSettings, world: World, month: Month) -> dict[str, np.ndarray]:
    """Draw one chunk's transactions of one month; a voided one appears twice."""
    rng = generator(settings, chunk=world.chunk, month=month.number, stream=STREAM)
    trait = world.traits
    middle = month.middle - world.start
    strain = world.strain(middle)
    count = rng.poisson(_expected(settings, world, month, noise=rng.standard_normal(CHUNK)))
    warp = np.exp(np.exp(-1.3 + 0.6 * trait["irregularity"]) * (1 + strain) * rng.standard_normal(CHUNK))
    who = np.repeat(np.arange(CHUNK), count)
    order = np.arange(who.size) - np.repeat(np.cumsum(count) - count, count)

    jitter = np.clip(0.75 + 0.2 * trait["irregularity"] + 0.2 * strain, 0.1, 1.0)[who]
    position = (order + 0.5 + (rng.random(who.size) - 0.5) * jitter) / count[who]
    day = month.first + np.minimum((position ** warp[who] * month.days).astype(np.int64), month.days - 1)
    day = to_weekday(day, moves=rng.random(who.size) < _WEEKEND_CLOSED, month=month)
    occurred = day * DAY_SECONDS + working_second(rng, who.size)

    refunds = np.clip(np.exp(-3.4 + 0.7 * trait["refunds"]) * (1 + 1.5 * strain), 0, 0.4)[who]
    pick = rng.random(who.size)
    kind = np.where(
        pick < refunds,
        REFUND,
        np.select([pick < refunds + (1 - refunds) * 0.54, pick < refunds + (1 - refunds) * 0.82],
                  [SALE, SUPPLIER_PAYMENT], PURCHASE),
    )  # fmt: skip
    spread = np.clip(0.75 + 0.16 * trait["volatility"] + 0.25 * strain, 0.2, 2.0)[who]
    scale = (5.6 + 0.9 * trait["size"] + np.where(world.natural_person, -0.4, 0.4))[who]
    money = np.exp(scale + spread * rng.standard_normal(who.size) - spread**2 / 2)
    of_supplier = rng.random(who.size) < 0.2
    to_us = (kind == SALE) | ((kind == REFUND) & of_supplier)
    factor = np.select([kind == SALE, kind == REFUND], [1.1 - 0.25 * strain[who], 0.5], 0.9)
    cents = np.maximum(np.round(money * factor * 100), 1).astype(np.int64) * np.where(to_us, 1, -1)

    supplier_side = (kind == SUPPLIER_PAYMENT) | (kind == PURCHASE) | ((kind == REFUND) & of_supplier)
    partners = np.where(
        supplier_side,
        3 + (12 * np.exp(0.3 * trait["size"]))[who],
        6 + (40 * np.exp(0.5 * trait["size"]))[who],
    ).astype(np.int64)
    skew = np.where(supplier_side, np.exp(0.7 + 0.5 * trait["concentration"] + 0.4 * strain)[who], 1.8)
    rank = (partners * rng.random(who.size) ** skew).astype(np.int64)
    # Partners are shared: a code stands for the same counterparty at every enterprise.
    number = world.number[who]
    partner = (number * 7919 + rank * 104_729 + supplier_side * 57_731) % _COUNTERPARTIES
    nameless = rng.random(who.size) < 0.03

    late_days = (0.5 + 3.5 * trait["lateness"] + 14 * strain)[who] + (
        5 + np.exp(0.8 + 0.4 * trait["irregularity"])
    )[who] * rng.standard_normal(who.size)
    terms = rng.choice(np.array([14, 30, 45]), who.size)
    due = np.where(
        kind == SUPPLIER_PAYMENT, occurred - late_days * DAY_SECONDS, occurred + terms * DAY_SECONDS
    )

    delay = np.minimum(rng.exponential(0.15, who.size), 1.5)
    delay = np.where(rng.random(who.size) < 0.02, rng.uniform(2, 20, who.size), delay)
    known = occurred + (delay * DAY_SECONDS).astype(np.int64)
    voids = np.clip(np.exp(-4.0 + 0.6 * trait["refunds"]) * (1 + strain), 0, 0.3)[who]
    void = rng.random(who.size) < voids
    void_known = known + (rng.uniform(0.5, 20, who.size) * DAY_SECONDS).astype(np.int64)
    dirt = rng.random((2, who.size))

    keep = (number < settings.enterprises) & (occurred >= world.start * DAY_SECONDS)
    rows = {
        "number": number, "month": np.full(who.size, month.number), "order": order, "occurred": occurred,
        "known": known, "cents": cents, "partner": np.where(nameless, -1, partner), "kind": kind, "due": due,
        "voided": np.zeros(who.size, dtype=bool), "dirt": dirt[0],
    }  # fmt: skip
    first = {name: values[keep] for name, values in rows.items()}
    again = {name: values[keep & void] for name, values in rows.items()}
    again |= {
        "known": void_known[keep & void],
        "voided": np.ones(len(again["known"]), dtype=bool),
        "dirt": dirt[1][keep & void],
    }
    return {name: np.concatenate([first[name], again[name]]) for name in rows}


def finish(rows: dict[str, np.ndarray]) -> pl.DataFrame:
    """Turn the drawn rows into the feed's columns, with `_known` (seconds) and `_dirt` beside them."""
    occurred = timestamps(rows["occurred"])
    paid = rows["kind"] == SUPPLIER_PAYMENT
    return pl.DataFrame(
        {
            "number": rows["number"], "month": rows["month"], "order": rows["order"], "occurred_at": occurred,
            "known_at": timestamps(rows["known"]), "cents": rows["cents"], "partner": rows["partner"],
            "kind_code": rows["kind"],
            "due_at": maybe(timestamps(rows["due"]), paid | (rows["kind"] == PURCHASE)),
            "paid_at": maybe(occurred, paid), "voided": rows["voided"],
            "_known": rows["known"], "_dirt": rows["dirt"],
        }
    ).select(
        transaction_id=pl.format(
            "T{}-{}-{}", pl.col("number").cast(pl.String).str.zfill(7), "month", "order"
        ),
        enterprise_id=pl.format("E{}", pl.col("number").cast(pl.String).str.zfill(7)),
        occurred_at="occurred_at",
        known_at="known_at",
        amount=(pl.col("cents") / 100).cast(pl.Decimal(18, 2)),
        counterparty_id=pl.when(pl.col("partner") >= 0).then(
            pl.format("P{}", pl.col("partner").cast(pl.String).str.zfill(6))
        ),
        kind=pl.col("kind_code").replace_strict(dict(enumerate(KINDS)), return_dtype=pl.String),
        due_at="due_at",
        paid_at="paid_at",
        voided="voided",
        _known="_known",
        _dirt="_dirt",
    )  # fmt: skip


def _expected(settings: SimulationSettings, world: World, month: Month, *, noise: np.ndarray) -> np.ndarray:
    """Return each enterprise's expected number of transactions in the month; their mean is the stated one."""
    share = settings.thick_share + settings.transaction_share
    if share == 0:
        return np.zeros(CHUNK)
    has = (world.kind == THICK) | (world.kind == TRANSACTION)
    trait = world.traits
    size = np.exp(0.5 * trait["size"] - 0.125)
    wobble = np.clip(0.30 + 0.15 * trait["volatility"], 0.02, 1.0)
    middle = month.middle - world.start
    shock = np.exp(wobble * noise - wobble**2 / 2)
    per_day = settings.transactions_per_enterprise / share / 760.0
    # The portfolio loses activity to strain and default; without this factor the stated mean would be missed.
    return np.where(
        has,
        1.16 * per_day * month.days * size * shock * world.activity(middle)
        * season(world.industry, month.month_of_year),
        0.0,
    )  # fmt: skip
