-- relation: features.feat_counterparties
-- grain: one row per portfolio, as_of_date and enterprise known on as_of_date
-- key: portfolio, as_of_date, bucket, enterprise_id
-- time: transactions known by the end of $as_of_date that occurred on or before it; a window of w days ends with
--   as_of_date, 'all' reaches back ten years
-- lookback: 390 days
-- inputs: staging.stg_transactions, features.feat_profile, features.feat_delivered
-- parameters: portfolio, as_of_date
-- inherit features.feat_profile: portfolio, as_of_date, bucket, enterprise_id
-- column supplier_hhi_{window}: [dependency] index 0..1; Herfindahl-Hirschman index of payments by supplier, {window},
--   V_d (Perez-Salazar et al., section 3.3)
-- column purchase_hhi_{window}: [dependency] index 0..1; Herfindahl-Hirschman index of purchases by supplier, {window},
--   V_d where invoices stand in for payments (Perez-Salazar et al., section 3.3)
-- column customer_hhi_{window}: [dependency] index 0..1; Herfindahl-Hirschman index of sales by customer, {window},
--   concentration of income
-- column supplier_top_share_{window}: [dependency] share; largest share in payments by supplier, {window}
--   (Perez-Salazar et al., section 3.3)
-- column purchase_top_share_{window}: [dependency] share; largest share in purchases by supplier, {window}
--   (Perez-Salazar et al., section 3.3)
-- column customer_top_share_{window}: [dependency] share; largest share in sales by customer, {window} (Perez-Salazar
--   et al., section 3.3)
-- column supplier_count_{window}: [dependency] count; suppliers that were paid, {window}
-- column purchase_supplier_count_{window}: [dependency] count; suppliers with a purchase, {window}
-- column customer_count_{window}: [dependency] count; customers, {window}
-- column counterparty_churn_{days}d: [behaviour] share; counterparties (customers, suppliers and paid suppliers count
--   apart) of the {days} days before the last {days} days that are not seen in the last {days} days; looks back 2 x
--   {days} days
-- column counterparty_new_share_{days}d: [behaviour] share; counterparties (customers, suppliers and paid suppliers
--   count apart) of the last {days} days that are not seen in the {days} days before; looks back 2 x {days} days
-- column customer_churn_{days}d: [behaviour] share; customers of the {days} days before the last {days} days that are
--   not seen in the last {days} days; looks back 2 x {days} days
-- column customer_new_share_{days}d: [behaviour] share; customers of the last {days} days that are not seen in the
--   {days} days before; looks back 2 x {days} days
-- column supplier_churn_{days}d: [behaviour] share; suppliers (with purchases and paid ones count apart) of the {days}
--   days before the last {days} days that are not seen in the last {days} days; looks back 2 x {days} days
-- column supplier_new_share_{days}d: [behaviour] share; suppliers (with purchases and paid ones count apart) of the
--   last {days} days that are not seen in the {days} days before; looks back 2 x {days} days
-- Voided transactions and refunds stay out. A missing counterparty counts as one of its own, 'Unknown' (Perez-Salazar
-- et al., section 3.2).
-- HHI = sum of squared shares: 1 with a single counterparty, 1 / n with n equal ones; rounded to 6 decimals, so that
-- the order of
-- adding cannot show. Totals are added up in whole cents, which doubles hold exactly up to 90 trillion a
-- counterparty.
-- One pass gathers (enterprise, side, counterparty); everything else is read from those totals. Rows and pairs are put
-- in order by enterprise first: what belongs to one enterprise is then gathered while it is at hand, where in the
-- order of the feed its states would be begun again and again.
with delivered as (
    select f.transactions as feed
    from wh.features.feat_delivered as f
    where f.portfolio = $portfolio and f.as_of_date = cast($as_of_date as date)
),

-- rows are gathered and sorted by 64 bits of the key, which are narrower than its text; the audit
-- assert_features_hash_unique stops a night in which two enterprises share them. The sides are joined by columns: a
-- constant in the join would be tested on every row of the transactions
enterprises as (
    select
        p.portfolio,
        p.as_of_date,
        p.bucket,
        p.enterprise_id,
        hash(p.enterprise_id) as enterprise,
        cast(1 as utinyint) as sales,
        cast(2 as utinyint) as purchases,
        cast(3 as utinyint) as payments
    from wh.features.feat_profile as p
    where p.portfolio = $portfolio and p.as_of_date = cast($as_of_date as date)
),

known as (
    select
        hash(t.enterprise_id) as enterprise,
        -- narrow keys, since every pair is a state of its own; two counterparties of one enterprise share 64 bits
        -- with a chance below one in a billion even where it has a hundred thousand of them
        cast(case t.kind when 'sale' then 1 when 'purchase' then 2 else 3 end as utinyint) as side,
        hash(coalesce(t.counterparty_id, 'Unknown')) as counterparty,
        round(abs(cast(t.amount as double)) * 100) as cents,
        cast(cast($as_of_date as date) - cast(t.occurred_at as date) as integer) as days_ago
    from wh.staging.stg_transactions as t
    where
        t.portfolio = $portfolio
        and t.known_at < cast($as_of_date as date) + interval 1 day
        and (t.known_to is null or t.known_to >= cast($as_of_date as date) + interval 1 day)
        and t.occurred_at < cast($as_of_date as date) + interval 1 day
        and t.occurred_at >= cast($as_of_date as date) - 3652
        and t.kind <> 'refund'
        and t.voided is not true
    order by enterprise
),

-- seen: one bit for each 30 days of the last year (bit 12: days 360 to 364), bit 13 for the year before, 14 for older
pairs as (
    select
        k.enterprise,
        k.side,
        k.counterparty,
        {% for days in day_windows %}
        sum(case when k.days_ago < {{ days }} then k.cents end) as amount_{{ days }}d,
        {% endfor %}
        sum(k.cents) as amount_all,
        bit_or(cast(case
            when k.days_ago < 365 then 1 << (k.days_ago // 30)
            when k.days_ago < 730 then 8192
            else 16384
        end as smallint)) as seen
    from known as k
    group by
        k.enterprise,
        k.side,
        k.counterparty
    order by k.enterprise
),

sides as materialized (
    select
        {% for window in windows %}
        count(p.amount_{{ window }}) as count_{{ window }},
        sum(p.amount_{{ window }}) as amount_{{ window }},
        max(p.amount_{{ window }}) as top_{{ window }},
        round(
            sum(p.amount_{{ window }} * p.amount_{{ window }})
            / nullif(sum(p.amount_{{ window }}) * sum(p.amount_{{ window }}), 0),
            6
        ) as hhi_{{ window }},
        {% endfor %}
        {% for days, now, before in [(30, 1, 2), (90, 7, 56), (180, 63, 4032), (365, 8191, 8192)] %}
        count(*) filter (where p.seen & {{ before }} > 0) as before_{{ days }}d,
        count(*) filter (where p.seen & {{ now }} > 0 and p.seen & {{ before }} > 0) as stayed_{{ days }}d,
        {% endfor %}
        p.enterprise,
        p.side
    from pairs as p
    group by
        p.enterprise,
        p.side
)

select
    p.portfolio,
    p.as_of_date,
    p.bucket,
    p.enterprise_id,
    {% for name, side in [("supplier", "v"), ("purchase", "b"), ("customer", "c")] %}
    {% for window in windows %}
    {{ side }}.hhi_{{ window }} as {{ name }}_hhi_{{ window }},
    {% endfor %}
    {% endfor %}
    {% for name, side in [("supplier", "v"), ("purchase", "b"), ("customer", "c")] %}
    {% for window in windows %}
    {{ side }}.top_{{ window }} / nullif({{ side }}.amount_{{ window }}, 0) as {{ name }}_top_share_{{ window }},
    {% endfor %}
    {% endfor %}
    {% for name, side in [("supplier", "v"), ("purchase_supplier", "b"), ("customer", "c")] %}
    {% for window in windows %}
    cast(case when d.feed then coalesce({{ side }}.count_{{ window }}, 0) end as integer)
        as {{ name }}_count_{{ window }},
    {% endfor %}
    {% endfor %}
    {% for measure, whole in [("churn", "before"), ("new_share", "count")] %}
    {% for days in day_windows %}
    1
    - (coalesce(v.stayed_{{ days }}d, 0) + coalesce(b.stayed_{{ days }}d, 0) + coalesce(c.stayed_{{ days }}d, 0))
    / nullif(
        cast(
            coalesce(v.{{ whole }}_{{ days }}d, 0)
            + coalesce(b.{{ whole }}_{{ days }}d, 0)
            + coalesce(c.{{ whole }}_{{ days }}d, 0) as double
        ),
        0
    ) as counterparty_{{ measure }}_{{ days }}d,
    {% endfor %}
    {% endfor %}
    {% for measure, whole in [("churn", "before"), ("new_share", "count")] %}
    {% for days in day_windows %}
    1 - c.stayed_{{ days }}d / nullif(cast(c.{{ whole }}_{{ days }}d as double), 0)
        as customer_{{ measure }}_{{ days }}d,
    {% endfor %}
    {% endfor %}
    {% for measure, whole in [("churn", "before"), ("new_share", "count")] %}
    {% set last = loop.last %}
    {% for days in day_windows %}
    1
    - (coalesce(v.stayed_{{ days }}d, 0) + coalesce(b.stayed_{{ days }}d, 0))
    / nullif(
        cast(coalesce(v.{{ whole }}_{{ days }}d, 0) + coalesce(b.{{ whole }}_{{ days }}d, 0) as double), 0
    ) as supplier_{{ measure }}_{{ days }}d{{ "," if not (last and loop.last) }}
    {% endfor %}
    {% endfor %}
from enterprises as p
cross join delivered as d
left join sides as c on p.enterprise = c.enterprise and p.sales = c.side
left join sides as b on p.enterprise = b.enterprise and p.purchases = b.side
left join sides as v on p.enterprise = v.enterprise and p.payments = v.side
