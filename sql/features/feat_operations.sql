-- relation: features.feat_operations
-- grain: one row per portfolio, as_of_date and enterprise known on as_of_date
-- key: portfolio, as_of_date, bucket, enterprise_id
-- time: events known by the end of $as_of_date that occurred on or before it; a window of w days ends with as_of_date
-- lookback: 390 days
-- inputs: staging.stg_operational_events, features.feat_profile, features.feat_delivered
-- parameters: portfolio, as_of_date
-- inherit features.feat_profile: portfolio, as_of_date, bucket, enterprise_id
-- column event_count_{days}d: [volume] count; operational events of every type, {days} days
-- column event_active_days_{days}d: [volume] days; days with an event of any type, {days} days
-- column purchase_order_count_{days}d: [volume] count; purchase orders, {days} days
-- column purchase_order_amount_{days}d: [volume] money; total of the purchase orders, {days} days
-- column supplier_payment_amount_{days}d: [volume] money; payments to suppliers in the operational log, {days} days
-- column event_gap_std_{days}d: [consistency] days; standard deviation of the time between business events, {days}
--   days, V_c (Perez-Salazar et al., section 3.3)
-- column event_gap_mean_{days}d: [consistency] days; mean time between business events, {days} days (Perez-Salazar et
--   al., section 3.3)
-- column event_gap_cv_{days}d: [consistency] ratio; standard deviation of the time between business events over its
--   mean, {days} days (Perez-Salazar et al., section 3.3)
-- column event_gap_max_{days}d: [behaviour] days; longest time between business events, {days} days (activity gaps)
-- column login_count_{days}d: [digital_intensity] count; logins, {days} days, V_i (Perez-Salazar et al., section 3.3)
-- column export_count_{days}d: [digital_intensity] count; data exports, {days} days, V_i (Perez-Salazar et al.,
--   section 3.3)
-- column login_per_active_day_{days}d: [digital_intensity] count a day; logins on each day with an event, {days} days,
--   V_i (Perez-Salazar et al., section 3.3)
-- column export_per_active_day_{days}d: [digital_intensity] count a day; exports on each day with an event, {days}
--   days, V_i (Perez-Salazar et al., section 3.3)
-- column digital_intensity_{days}d: [digital_intensity] count a day; logins and exports a calendar day, {days} days,
--   V_i (Perez-Salazar et al., section 3.3)
-- column login_gap_std_{days}d: [digital_intensity] days; standard deviation of the time between logins, {days} days
--   (irregular logins; Perez-Salazar et al., section 2)
-- column supplier_latency_mean_{days}d: [latency] days; mean time from purchase order to the first goods received,
--   {days} days, supplier latency (Perez-Salazar et al., section 3.3); looks back 390 days for the order
-- column supplier_latency_std_{days}d: [latency] days; standard deviation of supplier latency, {days} days
--   (Perez-Salazar et al., section 3.3); looks back 390 days for the order
-- column delivery_delay_mean_{days}d: [latency] days; mean delay of the goods against the promised time (below 0 =
--   early), {days} days (Perez-Salazar et al., section 3.3); looks back 390 days for the order
-- column delivery_late_share_{days}d: [latency] share; deliveries after the promised time among those with one, {days}
--   days (Perez-Salazar et al., section 3.3); looks back 390 days for the order
-- column order_open_share_{days}d: [latency] share; purchase orders of the window without goods received by
--   as_of_date, {days} days; looks back 390 days for goods that came before their order
-- column payment_delay_mean_{days}d: [latency] days; mean delay of supplier payments against the due time (below 0 =
--   early), {days} days (Perez-Salazar et al., section 3.1)
-- column payment_delay_std_{days}d: [latency] days; standard deviation of the delay of supplier payments, {days} days
-- column payment_late_share_{days}d: [latency] share; supplier payments after the due time among those with one,
--   {days} days
-- column payment_hhi_{days}d: [dependency] index 0..1; Herfindahl-Hirschman index of supplier payments in the
--   operational log, V_d, {days} days (Perez-Salazar et al., section 3.3)
-- column payment_top_share_{days}d: [dependency] share; largest supplier's share, supplier payments in the operational
--   log, {days} days (Perez-Salazar et al., section 3.3)
-- column payment_supplier_count_{days}d: [dependency] count; suppliers, supplier payments in the operational log,
--   {days} days
-- column order_hhi_{days}d: [dependency] index 0..1; Herfindahl-Hirschman index of purchase orders by supplier, V_d
--   where payments are not logged, {days} days (Perez-Salazar et al., section 3.3)
-- column order_top_share_{days}d: [dependency] share; largest supplier's share, purchase orders by supplier, {days}
--   days (Perez-Salazar et al., section 3.3)
-- column order_supplier_count_{days}d: [dependency] count; suppliers, purchase orders by supplier, {days} days
-- column stock_count_{days}d: [turnover] count; stock counts, {days} days
-- column turnover_mean_{days}d: [turnover] ratio; mean of units sold since the last count over units on hand, {days}
--   days, inventory turnover (Perez-Salazar et al., section 3.3)
-- column turnover_std_{days}d: [turnover] ratio; standard deviation of inventory turnover over the stock counts,
--   {days} days, turnover consistency (Perez-Salazar et al., section 3.3)
-- column turnover_cv_{days}d: [turnover] ratio; standard deviation of inventory turnover over its mean, {days} days
--   (Perez-Salazar et al., section 3.3)
-- column event_ratio_90d: [behaviour] ratio; business events of the last 90 days over those of the 90 days before
-- column login_ratio_90d: [behaviour] ratio; logins of the last 90 days over those of the 90 days before
-- column event_days_since_last: [recency] days; latest operational event of any type of the last 390 days to
--   as_of_date, in whole weeks
-- column login_days_since_last: [recency] days; latest login of the last 390 days to as_of_date, in whole weeks
-- column stock_count_days_since_last: [recency] days; latest stock count of the last 390 days to as_of_date, in whole
--   weeks
-- An event type that the portfolio never delivered is missing (null), not 0.
-- Business events are all but logins and exports: their gaps stand for the time between transactions of borrowers
-- without a transaction feed.
-- A gap belongs to a window when both of its ends lie in it; a delivery belongs to the window in which the goods
-- came.
-- A missing supplier counts as one of its own, 'Unknown' (Perez-Salazar et al., section 3.2).
-- Means and spreads are rounded to nine decimals, so that the order in which threads add does not show. Ordered
-- aggregates would do the same, but keep every row of a group in memory, where nothing can spill.
-- Events are put in order by enterprise once, as narrow rows: what belongs to one enterprise is then gathered while it
-- is at hand. In the order of the feed its many states would be begun again and again, and spilled.
{% set code = {
    "login": 1, "export": 2, "purchase_order": 3, "goods_received": 4, "supplier_payment": 5, "stock_count": 6
} %}
with delivered as (
    select
        f.operational_events as feed,
        {% for type in ["login", "export", "purchase_order", "supplier_payment", "stock_count"] %}
        f.{{ type }}_events as {{ type }}s{{ "," if not loop.last }}
        {% endfor %}
    from wh.features.feat_delivered as f
    where f.portfolio = $portfolio and f.as_of_date = cast($as_of_date as date)
),

-- rows are gathered and sorted by 64 bits of the key, which are narrower than its text; the audit
-- assert_features_hash_unique stops a night in which two enterprises share them
enterprises as (
    select
        p.portfolio,
        p.as_of_date,
        p.bucket,
        p.enterprise_id,
        hash(p.enterprise_id) as enterprise
    from wh.features.feat_profile as p
    where p.portfolio = $portfolio and p.as_of_date = cast($as_of_date as date)
),

-- what is older than the longest window counts only as the last of its kind
lasts as (
    select
        hash(e.enterprise_id) as enterprise,
        cast($as_of_date as date) - cast(max(e.occurred_at) as date) as days_since_last,
        cast($as_of_date as date) - cast(max(e.occurred_at) filter (where e.event_type = 'login') as date)
            as login_days_since_last,
        cast($as_of_date as date) - cast(max(e.occurred_at) filter (where e.event_type = 'stock_count') as date)
            as stock_days_since_last
    from wh.staging.stg_operational_events as e
    where
        e.portfolio = $portfolio
        and e.known_at < cast($as_of_date as date) + interval 1 day
        and (e.known_to is null or e.known_to >= cast($as_of_date as date) + interval 1 day)
        and e.occurred_at < cast($as_of_date as date) + interval 1 day
        and e.occurred_at >= cast($as_of_date as date) - {{ lookback - 1 }}
    group by hash(e.enterprise_id)
),

-- each nested payload is read once
read_once as (
    select
        hash(e.enterprise_id) as enterprise,
        e.occurred_at,
        cast(
            case e.event_type
                {% for type, number in code.items() %}
                when '{{ type }}' then {{ number }}
                {% endfor %}
                else 0
            end as utinyint
        ) as event_type,
        cast(cast($as_of_date as date) - cast(e.occurred_at as date) as smallint) as days_ago,
        e.event_type not in ('login', 'export') as is_business,
        case
            when e.event_type not in ('login', 'export')
                then json_extract_string(
                    e.payload,
                    [
                        '$.order_id',
                        '$.supplier_id',
                        '$.amount',
                        '$.promised_at',
                        '$.due_at',
                        '$.units_on_hand',
                        '$.units_sold'
                    ]
                )
        end as payload
    from wh.staging.stg_operational_events as e
    where
        e.portfolio = $portfolio
        and e.known_at < cast($as_of_date as date) + interval 1 day
        and (e.known_to is null or e.known_to >= cast($as_of_date as date) + interval 1 day)
        and e.occurred_at < cast($as_of_date as date) + interval 1 day
        and e.occurred_at >= cast($as_of_date as date) - {{ day_windows[-1] - 1 }}
),

known as (
    select
        r.enterprise,
        r.occurred_at,
        r.event_type,
        r.days_ago,
        r.is_business,
        -- two orders or suppliers of one enterprise share 64 bits with a chance below one in a billion
        case when r.payload[1] is not null then hash(r.payload[1]) end as order_key,
        hash(coalesce(r.payload[2], 'Unknown')) as supplier,
        abs(try_cast(r.payload[3] as decimal(18, 2))) as amount,
        try_cast(r.payload[4] as timestamp) as promised_at,
        case
            when r.event_type = {{ code.supplier_payment }}
                then epoch(r.occurred_at - try_cast(r.payload[5] as timestamp)) / 86400
        end as payment_delay,
        case
            when r.event_type = {{ code.stock_count }}
                then try_cast(r.payload[7] as double) / nullif(try_cast(r.payload[6] as double), 0)
        end as turnover
    from read_once as r
    order by r.enterprise
),

-- goods of the longest window may have been ordered before it: of older events only what an order says is read
order_events as (
    select
        k.enterprise,
        k.order_key,
        k.event_type = {{ code.purchase_order }} as is_order,
        k.occurred_at,
        k.promised_at
    from known as k
    where k.event_type in ({{ code.purchase_order }}, {{ code.goods_received }}) and k.order_key is not null
    union all
    select
        hash(o.enterprise_id) as enterprise,
        hash(o.said[1]) as order_key,
        o.event_type = 'purchase_order' as is_order,
        o.occurred_at,
        try_cast(o.said[2] as timestamp) as promised_at
    from (
        select
            e.enterprise_id,
            e.event_type,
            e.occurred_at,
            json_extract_string(e.payload, ['$.order_id', '$.promised_at']) as said
        from wh.staging.stg_operational_events as e
        where
            e.portfolio = $portfolio
            and e.known_at < cast($as_of_date as date) + interval 1 day
            and (e.known_to is null or e.known_to >= cast($as_of_date as date) + interval 1 day)
            and e.occurred_at < cast($as_of_date as date) - {{ day_windows[-1] - 1 }}
            and e.occurred_at >= cast($as_of_date as date) - {{ lookback - 1 }}
            and e.event_type in ('purchase_order', 'goods_received')
    ) as o
    where o.said[1] is not null
),

counts as (
    select
        {% for days in day_windows %}
        count(*) filter (where k.days_ago < {{ days }}) as event_count_{{ days }}d,
        count(*) filter (where k.is_business and k.days_ago < {{ days }}) as business_{{ days }}d,
        {% for type in ["login", "export", "purchase_order", "stock_count"] %}
        count(*) filter (where k.event_type = {{ code[type] }} and k.days_ago < {{ days }}) as {{ type }}s_{{ days }}d,
        {% endfor %}
        {% for type in ["purchase_order", "supplier_payment"] %}
        sum(k.amount) filter (where k.event_type = {{ code[type] }} and k.days_ago < {{ days }})
            as {{ type }}_amount_{{ days }}d,
        {% endfor %}
        avg(k.payment_delay) filter (where k.event_type = {{ code.supplier_payment }} and k.days_ago < {{ days }})
            as payment_delay_mean_{{ days }}d,
        stddev_samp(k.payment_delay) filter (
            where k.event_type = {{ code.supplier_payment }} and k.days_ago < {{ days }}
        ) as payment_delay_std_{{ days }}d,
        count(k.payment_delay) filter (where k.event_type = {{ code.supplier_payment }} and k.days_ago < {{ days }})
            as payment_due_{{ days }}d,
        count(*) filter (
            where k.event_type = {{ code.supplier_payment }} and k.days_ago < {{ days }} and k.payment_delay > 0
        ) as payment_late_{{ days }}d,
        avg(k.turnover) filter (where k.days_ago < {{ days }}) as turnover_mean_{{ days }}d,
        stddev_samp(k.turnover) filter (where k.days_ago < {{ days }}) as turnover_std_{{ days }}d,
        {% endfor %}
        k.enterprise
    from known as k
    group by k.enterprise
),

active as (
    select
        {% for days in day_windows %}
        count(*) filter (where k.days_ago < {{ days }}) as days_{{ days }}d,
        {% endfor %}
        k.enterprise
    from (
        select distinct
            e.enterprise,
            e.days_ago
        from known as e
    ) as k
    group by k.enterprise
),

followed as (
    select
        k.enterprise,
        k.is_business,
        k.occurred_at,
        lag(k.occurred_at) over (partition by k.enterprise, k.is_business order by k.occurred_at) as previous_at
    from known as k
    where k.is_business or k.event_type = {{ code.login }}
),

gaps as (
    select
        {% for days in day_windows %}
        stddev_samp(f.gap) filter (
            where f.is_business and f.previous_at >= cast($as_of_date as date) - {{ days - 1 }}
        ) as business_std_{{ days }}d,
        avg(f.gap) filter (
            where f.is_business and f.previous_at >= cast($as_of_date as date) - {{ days - 1 }}
        ) as business_mean_{{ days }}d,
        max(f.gap) filter (
            where f.is_business and f.previous_at >= cast($as_of_date as date) - {{ days - 1 }}
        ) as business_max_{{ days }}d,
        stddev_samp(f.gap) filter (
            where not f.is_business and f.previous_at >= cast($as_of_date as date) - {{ days - 1 }}
        ) as login_std_{{ days }}d,
        {% endfor %}
        f.enterprise
    from (
        select
            w.enterprise,
            w.is_business,
            w.previous_at,
            epoch(w.occurred_at - w.previous_at) / 86400 as gap
        from followed as w
    ) as f
    group by f.enterprise
),

-- an order without an order event, or goods without an order, has no latency
orders as (
    select
        k.enterprise,
        min(k.occurred_at) filter (where k.is_order) as ordered_at,
        min(k.occurred_at) filter (where not k.is_order) as received_at,
        min(k.promised_at) filter (where k.is_order) as promised_at
    from order_events as k
    group by
        k.enterprise,
        k.order_key
),

deliveries as (
    select
        o.enterprise,
        o.received_at,
        cast($as_of_date as date) - cast(o.ordered_at as date) as ordered_days_ago,
        cast($as_of_date as date) - cast(o.received_at as date) as received_days_ago,
        epoch(o.received_at - o.ordered_at) / 86400 as latency,
        epoch(o.received_at - o.promised_at) / 86400 as delay
    from orders as o
    where
        o.ordered_at is not null
        and (o.received_at is null or o.received_at >= o.ordered_at)
),

latencies as (
    select
        {% for days in day_windows %}
        avg(o.latency) filter (where o.received_days_ago < {{ days }}) as latency_mean_{{ days }}d,
        stddev_samp(o.latency) filter (where o.received_days_ago < {{ days }}) as latency_std_{{ days }}d,
        avg(o.delay) filter (where o.received_days_ago < {{ days }}) as delay_mean_{{ days }}d,
        count(o.delay) filter (where o.received_days_ago < {{ days }}) as promised_{{ days }}d,
        count(*) filter (where o.received_days_ago < {{ days }} and o.delay > 0) as late_{{ days }}d,
        count(*) filter (where o.ordered_days_ago < {{ days }}) as ordered_{{ days }}d,
        count(*) filter (where o.ordered_days_ago < {{ days }} and o.received_at is null) as open_{{ days }}d,
        {% endfor %}
        o.enterprise
    from deliveries as o
    group by o.enterprise
),

pairs as (
    select
        k.enterprise,
        k.event_type,
        {% for days in day_windows %}
        cast(sum(k.amount) filter (where k.days_ago < {{ days }}) as double) as amount_{{ days }}d,
        {% endfor %}
        k.supplier
    from known as k
    where k.event_type in ({{ code.purchase_order }}, {{ code.supplier_payment }})
    group by
        k.enterprise,
        k.event_type,
        k.supplier
),

suppliers as (
    select
        {% for days in day_windows %}
        {% for side, type in [("payment", code.supplier_payment), ("order", code.purchase_order)] %}
        sum(p.amount_{{ days }}d * p.amount_{{ days }}d) filter (where p.event_type = {{ type }})
        / nullif(
            pow(sum(p.amount_{{ days }}d) filter (where p.event_type = {{ type }}), 2), 0
        ) as {{ side }}_hhi_{{ days }}d,
        max(p.amount_{{ days }}d) filter (where p.event_type = {{ type }})
        / nullif(sum(p.amount_{{ days }}d) filter (where p.event_type = {{ type }}), 0)
            as {{ side }}_top_share_{{ days }}d,
        count(p.amount_{{ days }}d) filter (where p.event_type = {{ type }}) as {{ side }}_suppliers_{{ days }}d,
        {% endfor %}
        {% endfor %}
        p.enterprise
    from pairs as p
    group by p.enterprise
)

select
    p.portfolio,
    p.as_of_date,
    p.bucket,
    p.enterprise_id,
    {% for days in day_windows %}
    cast(case when d.feed then coalesce(c.event_count_{{ days }}d, 0) end as integer) as event_count_{{ days }}d,
    {% endfor %}
    {% for days in day_windows %}
    cast(case when d.feed then coalesce(a.days_{{ days }}d, 0) end as integer)
        as event_active_days_{{ days }}d,
    {% endfor %}
    {% for days in day_windows %}
    cast(case when d.purchase_orders then coalesce(c.purchase_orders_{{ days }}d, 0) end as integer)
        as purchase_order_count_{{ days }}d,
    {% endfor %}
    {% for type in ["purchase_order", "supplier_payment"] %}
    {% for days in day_windows %}
    cast(case when d.{{ type }}s then coalesce(c.{{ type }}_amount_{{ days }}d, 0) end as double)
        as {{ type }}_amount_{{ days }}d,
    {% endfor %}
    {% endfor %}
    {% for measure in ["std", "mean"] %}
    {% for days in day_windows %}
    round(cast(g.business_{{ measure }}_{{ days }}d as double), 9) as event_gap_{{ measure }}_{{ days }}d,
    {% endfor %}
    {% endfor %}
    {% for days in day_windows %}
    round(cast(g.business_std_{{ days }}d / nullif(g.business_mean_{{ days }}d, 0) as double), 9)
        as event_gap_cv_{{ days }}d,
    {% endfor %}
    {% for days in day_windows %}
    round(cast(g.business_max_{{ days }}d as double), 9) as event_gap_max_{{ days }}d,
    {% endfor %}
    {% for type in ["login", "export"] %}
    {% for days in day_windows %}
    cast(case when d.{{ type }}s then coalesce(c.{{ type }}s_{{ days }}d, 0) end as integer)
        as {{ type }}_count_{{ days }}d,
    {% endfor %}
    {% endfor %}
    -- rounded in the two short windows alone: kept so, since no stored figure may change
    {% for days in day_windows if days < 180 %}
    round(cast(case when d.logins then c.logins_{{ days }}d / nullif(a.days_{{ days }}d, 0) end as double), 9)
        as login_per_active_day_{{ days }}d,
    {% endfor %}
    {% for days in day_windows if days >= 180 %}
    cast(case when d.logins then c.logins_{{ days }}d / nullif(a.days_{{ days }}d, 0) end as double)
        as login_per_active_day_{{ days }}d,
    {% endfor %}
    {% for days in day_windows %}
    cast(case when d.exports then c.exports_{{ days }}d / nullif(a.days_{{ days }}d, 0) end as double)
        as export_per_active_day_{{ days }}d,
    {% endfor %}
    {% for days in day_windows %}
    cast(
        case
            when d.logins or d.exports
                then (coalesce(c.logins_{{ days }}d, 0) + coalesce(c.exports_{{ days }}d, 0)) / {{ days }}.0
        end as double
    ) as digital_intensity_{{ days }}d,
    {% endfor %}
    {% for days in day_windows %}
    round(cast(g.login_std_{{ days }}d as double), 9) as login_gap_std_{{ days }}d,
    {% endfor %}
    {% for measure in ["mean", "std"] %}
    {% for days in day_windows %}
    round(cast(l.latency_{{ measure }}_{{ days }}d as double), 9) as supplier_latency_{{ measure }}_{{ days }}d,
    {% endfor %}
    {% endfor %}
    {% for days in day_windows %}
    round(cast(l.delay_mean_{{ days }}d as double), 9) as delivery_delay_mean_{{ days }}d,
    {% endfor %}
    {% for days in day_windows %}
    cast(l.late_{{ days }}d as double) / nullif(l.promised_{{ days }}d, 0) as delivery_late_share_{{ days }}d,
    {% endfor %}
    {% for days in day_windows %}
    cast(l.open_{{ days }}d as double) / nullif(l.ordered_{{ days }}d, 0) as order_open_share_{{ days }}d,
    {% endfor %}
    {% for measure in ["mean", "std"] %}
    {% for days in day_windows %}
    round(cast(c.payment_delay_{{ measure }}_{{ days }}d as double), 9) as payment_delay_{{ measure }}_{{ days }}d,
    {% endfor %}
    {% endfor %}
    {% for days in day_windows %}
    cast(c.payment_late_{{ days }}d as double) / nullif(c.payment_due_{{ days }}d, 0) as payment_late_share_{{ days }}d,
    {% endfor %}
    {% for side, type in [("payment", "supplier_payment"), ("order", "purchase_order")] %}
    {% for measure in ["hhi", "top_share"] %}
    {% for days in day_windows %}
    round(cast(s.{{ side }}_{{ measure }}_{{ days }}d as double), 9) as {{ side }}_{{ measure }}_{{ days }}d,
    {% endfor %}
    {% endfor %}
    {% for days in day_windows %}
    cast(case when d.{{ type }}s then coalesce(s.{{ side }}_suppliers_{{ days }}d, 0) end as integer)
        as {{ side }}_supplier_count_{{ days }}d,
    {% endfor %}
    {% endfor %}
    {% for days in day_windows %}
    cast(case when d.stock_counts then coalesce(c.stock_counts_{{ days }}d, 0) end as integer)
        as stock_count_{{ days }}d,
    {% endfor %}
    {% for measure in ["mean", "std"] %}
    {% for days in day_windows %}
    round(cast(c.turnover_{{ measure }}_{{ days }}d as double), 9) as turnover_{{ measure }}_{{ days }}d,
    {% endfor %}
    {% endfor %}
    {% for days in day_windows %}
    round(cast(c.turnover_std_{{ days }}d / nullif(c.turnover_mean_{{ days }}d, 0) as double), 9)
        as turnover_cv_{{ days }}d,
    {% endfor %}
    cast(c.business_90d as double) / nullif(c.business_180d - c.business_90d, 0) as event_ratio_90d,
    cast(c.logins_90d as double) / nullif(c.logins_180d - c.logins_90d, 0) as login_ratio_90d,
    cast(t.days_since_last // 7 * 7 as integer) as event_days_since_last,
    cast(t.login_days_since_last // 7 * 7 as integer) as login_days_since_last,
    cast(t.stock_days_since_last // 7 * 7 as integer) as stock_count_days_since_last
from enterprises as p
cross join delivered as d
left join lasts as t on p.enterprise = t.enterprise
left join counts as c on p.enterprise = c.enterprise
left join active as a on p.enterprise = a.enterprise
left join gaps as g on p.enterprise = g.enterprise
left join latencies as l on p.enterprise = l.enterprise
left join suppliers as s on p.enterprise = s.enterprise
