"""Create the macros of the normal distribution in SQL, and of Vasicek's one-factor PD, which needs both of them.

DuckDB has no normal distribution. A value is bound once by a lambda: written out wherever the formula has it, a
quantile inside a distribution function would be a text of some hundred thousand words.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

# Hart (1968), algorithm 5666 as West (2005), "Better approximations to cumulative normal functions", gives it
_NEAR = (
    (0.0352624965998911, 0.700383064443688, 6.37396220353165, 33.912866078383, 112.079291497871, 221.213596169931,
     220.206867912376),
    (0.0883883476483184, 1.75566716318264, 16.064177579207, 86.7807322029461, 296.564248779674, 637.333633378831,
     793.826512519948, 440.413735824752),
)  # fmt: skip
_NEAR_ENDS = 7.07106781186547
_ROOT_OF_TWO_PI = 2.5066282746310002

# Wichura (1988), "Algorithm AS 241: the percentage points of the normal distribution", PPND16, the highest power first
_MIDDLE = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608),
    (5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
     5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0),
)  # fmt: skip
_SIDE = (
    (7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
     3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
     0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0),
)  # fmt: skip
_END = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093,
     0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772),
    (2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
     0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1.0),
)  # fmt: skip

_CHECKED = (
    "(case when not (correlation >= 0 and correlation < 1) "
    "then error('a correlation is not between 0 and below 1') else cast(correlation as double) end)"
)


def create_macros(con: duckdb.DuckDBPyConnection, database: str = "wh") -> None:
    """Create or renew the macros of the normal distribution and of Vasicek's PD in the schema marts of a catalogue.

    `marts.normal_cdf(x)` and `marts.normal_quantile(p)` are those of the standard normal distribution, to 15 digits;
    `marts.vasicek_pd(pd, factor, correlation)` is the PD of a year whose systematic factor is known (Vasicek 2002,
    "Loan portfolio value"; negative is bad times), and `marts.vasicek_month(pd, factor, correlation)` that of a month
    of which the factor of the year is known: its PD is taken to a yearly one, shifted and taken back. Null stays null;
    a probability outside 0 to 1 and a correlation outside 0 to below 1 are errors.

    For many scenarios of the same months `vasicek_month` has two halves, each of lists: `marts.vasicek_thresholds(pds)`
    is what does not depend on the factor, and `marts.vasicek_months(thresholds, factors, correlation)` the shifted PDs,
    null where a factor is null. `marts.flat_curve(pd)` is the PD by month 1 to 60 of the same hazard in all months, of
    which `pd` is that of a year; `marts.survival_curve(pds)` multiplies what each month leaves, and
    `marts.added_curves(curves)` adds lists of the same length, both from the first on.

    Args:
        con: a cursor that has the catalogue attached.
        database: the attached catalogue that gets the macros.
    """
    quantile = _bound("p", "p", _quantile("p"))
    vasicek = _vasicek("pd")
    year = "1e0 - pow(1e0 - cast(pd as double), 12e0)"
    month = f"1e0 - pow(1e0 - {_vasicek(f'({year})')}, 1e0 / 12e0)"
    thresholds = (
        "list_transform(list_transform(pds, lambda pd: 1e0 - pow(1e0 - cast(pd as double), 12e0)), "
        f"lambda p: {_quantile('p')})"
    )
    months = (
        "list_transform(list_transform(list_zip(thresholds, factors), lambda pair: "
        f"(pair[1] - sqrt({_CHECKED}) * pair[2]) / sqrt(1e0 - {_CHECKED})), "
        f"lambda z: 1e0 - pow(1e0 - {_cdf('z')}, 1e0 / 12e0))"
    )
    flat = "list_transform(range(1, 61), lambda month: 1e0 - pow(1e0 - cast(pd as double), month / 12e0))"
    survival = (
        "list_reduce(list_transform(pds, lambda pd: [1e0 - pd]), "
        "lambda passed, next: list_append(passed, passed[-1] * next[1]))"
    )
    added = (
        "list_reduce(curves, lambda one, other: "
        "list_transform(list_zip(one, other), lambda two: two[1] + two[2]))"
    )
    for signature, body in (
        ("normal_cdf(x)", _bound("x", "x", _cdf("x"))),
        ("normal_quantile(p)", quantile),
        ("vasicek_pd(pd, factor, correlation)", vasicek),
        ("vasicek_month(pd, factor, correlation)", month),
        ("vasicek_thresholds(pds)", thresholds),
        ("vasicek_months(thresholds, factors, correlation)", months),
        ("flat_curve(pd)", flat),
        ("survival_curve(pds)", survival),
        ("added_curves(curves)", added),
    ):
        con.execute(f"create or replace macro {database}.marts.{signature} as {body}")


def _bound(value: str, name: str, body: str) -> str:
    """Return SQL of the body with the value, computed once, under a name."""
    return f"list_transform([cast({value} as double)], lambda {name}: {body})[1]"


def _cdf(x: str) -> str:
    """Return SQL of the probability below the column x."""
    size = f"abs({x})"
    far = f"{size} + {_number(0.65)}"
    for level in (4, 3, 2, 1):
        far = f"{size} + {level}e0 / ({far})"
    density = f"exp(-{x} * {x} / 2e0)"
    tail = (
        f"{density} * (case when {size} < {_number(_NEAR_ENDS)} then {_ratio(_NEAR, size)} "
        f"else 1e0 / ({far}) / {_number(_ROOT_OF_TWO_PI)} end)"
    )
    return f"(case when {x} > 0e0 then 1e0 - {tail} else {tail} end)"


def _quantile(p: str) -> str:
    """Return SQL of the value that a standard normal one is below with the probability of the column p."""
    centred = f"({p} - 0.5e0)"
    root = f"sqrt(-ln(least({p}, 1e0 - {p})))"
    return (
        f"(case when not ({p} >= 0e0 and {p} <= 1e0) then error('a probability is not between 0 and 1') "
        f"when {p} = 0e0 then cast('-infinity' as double) when {p} = 1e0 then cast('infinity' as double) "
        f"when abs({centred}) <= 0.425e0 "
        f"then {centred} * {_ratio(_MIDDLE, f'(0.180625e0 - {centred} * {centred})')} "
        f"when {root} <= 5e0 then sign({centred}) * {_ratio(_SIDE, f'({root} - 1.6e0)')} "
        f"else sign({centred}) * {_ratio(_END, f'({root} - 5e0)')} end)"
    )


def _vasicek(pd: str) -> str:
    """Return SQL of the PD of which the systematic factor is known."""
    threshold = f"({_quantile('p')} - sqrt(rho) * cast(factor as double)) / sqrt(1e0 - rho)"
    return _bound(_CHECKED, "rho", _bound(pd, "p", _bound(threshold, "z", _cdf("z"))))


def _ratio(polynomials: tuple[Sequence[float], Sequence[float]], x: str) -> str:
    above, below = (_polynomial(coefficients, x) for coefficients in polynomials)
    return f"({above} / {below})"


def _polynomial(coefficients: Sequence[float], x: str) -> str:
    first, *others = map(_number, coefficients)
    text = first
    for number in others:
        text = f"({text} * {x} + {number})"
    return text


def _number(value: float) -> str:
    # with an exponent DuckDB reads a double; without one, a decimal
    text = repr(value)
    return text if "e" in text else f"{text}e0"
