-- relation: features.feat_transactions
-- grain: one row per portfolio, as_of_date and enterprise known on as_of_date
-- key: portfolio, as_of_date, bucket, enterprise_id
-- time: transactions known by the end of $as_of_date that occurred on or before it; a window of w days ends with
--   as_of_date, 'all' reaches back ten years
-- lookback: 390 days
-- inputs: staging.stg_transactions, features.feat_profile, features.feat_delivered
-- parameters: portfolio, as_of_date
-- inherit features.feat_profile: portfolio, as_of_date, bucket, enterprise_id
-- column tx_count_{window}: [volume] count; transactions, {window} (Vanhoeven & Chen type 4)
-- column tx_per_day_{days}d: [volume] count a day; transactions a calendar day, {days} days, 'daily frequency'
--   (Vanhoeven & Chen type 4)
-- column tx_per_day_all: [volume] count a day; transactions a calendar day since the first; looks back as far as the
--   record (Vanhoeven & Chen type 4)
-- column tx_active_days_{window}: [volume] days; days with a transaction, {window} (Vanhoeven & Chen type 4)
-- column tx_gross_amount_{window}: [volume] money; total of the absolute amounts, {window} (Vanhoeven & Chen type 4)
-- column tx_net_amount_{window}: [volume] money; money in less money out, refunds included, {window} (Vanhoeven & Chen
--   type 4)
-- column tx_sales_{window}: [volume] money; sales less refunded sales, {window} (Vanhoeven & Chen type 4)
-- column tx_purchases_{window}: [volume] money; purchases less refunded purchases, {window} (Vanhoeven & Chen type 4)
-- column tx_supplier_payments_{window}: [volume] money; payments to suppliers, {window} (Vanhoeven & Chen type 4)
-- column tx_amount_mean_{window}: [volume] money; mean absolute amount, {window} (Vanhoeven & Chen type 4)
-- column tx_amount_std_{window}: [consistency] money; standard deviation of the absolute amounts, {window},
--   'transaction variance' (Perez-Salazar et al., section 3.3; Vanhoeven & Chen type 4)
-- column tx_amount_cv_{window}: [consistency] ratio; standard deviation of the absolute amounts over their mean,
--   {window} (Perez-Salazar et al., section 3.3)
-- column tx_gap_std_{window}: [consistency] days; standard deviation of the time between transactions, {window}, V_c
--   (Perez-Salazar et al., section 3.3)
-- column tx_gap_mean_{window}: [consistency] days; mean time between transactions, {window} (Perez-Salazar et al.,
--   section 3.3)
-- column tx_gap_cv_{window}: [consistency] ratio; standard deviation of the time between transactions over its mean,
--   {window} (Perez-Salazar et al., section 3.3)
-- column tx_gap_max_{window}: [behaviour] days; longest time between transactions, {window} (activity gaps)
-- column tx_void_share_{window}: [behaviour] share; voided among the transactions of feeds that state it, {window}
-- column tx_refund_share_{window}: [behaviour] share; refunds among the transactions, {window}
-- column tx_refund_amount_share_{window}: [behaviour] share; refunded among the absolute amounts, {window}
-- column tx_pay_delay_mean_{window}: [latency] days; mean delay of payment against the due date (below 0 = early),
--   purchases and supplier payments, {window} (the enterprise pays; Perez-Salazar et al., section 3.1)
-- column tx_pay_delay_std_{window}: [latency] days; standard deviation of that delay, purchases and supplier payments,
--   {window}
-- column tx_pay_late_share_{window}: [latency] share; paid after the due date among the paid that had one, purchases
--   and supplier payments, {window}
-- column tx_pay_overdue_share_{window}: [latency] share; not yet paid among those that fell due by as_of_date,
--   purchases and supplier payments, {window}
-- column tx_collect_delay_mean_{window}: [latency] days; mean delay of payment against the due date (below 0 = early),
--   sales, {window} (its customers pay; Perez-Salazar et al., section 3.1)
-- column tx_collect_delay_std_{window}: [latency] days; standard deviation of that delay, sales, {window}
-- column tx_collect_late_share_{window}: [latency] share; paid after the due date among the paid that had one, sales,
--   {window}
-- column tx_collect_overdue_share_{window}: [latency] share; not yet paid among those that fell due by as_of_date,
--   sales, {window}
-- column tx_sales_trend_12m: [behaviour] ratio a month; regression slope of the sales of the last 12 blocks of 30 days
--   over their mean
-- column tx_count_trend_12m: [behaviour] ratio a month; regression slope of the transaction counts of the last 12
--   blocks of 30 days over their mean
-- column tx_sales_ratio_90d: [behaviour] ratio; sales of the last 90 days over those of the 90 days before
-- column tx_count_ratio_90d: [behaviour] ratio; transactions of the last 90 days over those of the 90 days before
-- column tx_sales_month_cv_12m: [consistency] ratio; standard deviation over mean of the sales of the last 12 blocks of
--   30 days, empty blocks count as 0 (Perez-Salazar et al., section 3.3)
-- column tx_active_months_12m: [behaviour] count; blocks of 30 days with a transaction among the last 12
-- column tx_tenure_days: [behaviour] days; first transaction of the last 390 days to as_of_date, 365 where it is older
-- column tx_days_since_last: [recency] days; latest transaction of the last 390 days to as_of_date, in whole weeks
-- column tx_sale_days_since_last: [recency] days; latest sale of the last 390 days to as_of_date, in whole weeks
-- column tx_purchase_days_since_last: [recency] days; latest purchase or supplier payment of the last 390 days to
--   as_of_date, in whole weeks
-- Recency counts whole weeks, so that a weekend without sales does not look like a pause.
-- Voided transactions count in void_share only. A gap belongs to a window when both of its ends lie in it.
-- Amounts are added up in whole cents and gaps in whole seconds, which doubles hold exactly: no figure depends on the
-- order of the rows or on the threads. Standard deviations of money are rounded to cents for the same reason.
-- A single amount above 10^12 counts as 10^12 in the absolute amounts, so that no typing error can overflow a night.
-- Transactions are read once, put in order by enterprise and time for the gaps, and gathered by blocks of 30 days
-- before as_of_date (12 = days 360 to 364, 13 = older): every window is a sum of blocks. What comes enterprise by
-- enterprise is gathered while it is at hand; in the order of the feed its states would be begun again and again.
with delivered as (
    select f.transactions as feed
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

known as (
    select
        hash(t.enterprise_id) as enterprise,
        -- whole seconds before the end of as_of_date: days and blocks of days are quotients of it
        cast(
            cast(epoch(cast($as_of_date as date) + 1) as bigint) - 1 - epoch_us(t.occurred_at) // 1000000 as integer
        ) as seconds_ago,
        t.voided,
        coalesce(t.voided, false) as is_void,
        case
            when t.voided is true then null
            when t.amount between -1e12 and 1e12 then round(cast(t.amount as double) * 100)
            else sign(t.amount) * 1e14
        end as cents,
        cast(
            case t.kind when 'sale' then 1 when 'purchase' then 2 when 'supplier_payment' then 3 else 4 end as utinyint
        ) as kind,
        t.voided is not true and t.due_at < cast($as_of_date as date) + interval 1 day as is_due,
        case
            when t.voided is true then null
            when t.paid_at < cast($as_of_date as date) + interval 1 day then cast(t.paid_at as date)
            when t.paid_at is null and t.kind = 'supplier_payment' then cast(t.occurred_at as date)
        end - cast(t.due_at as date) as delay
    from wh.staging.stg_transactions as t
    where
        t.portfolio = $portfolio
        and t.known_at < cast($as_of_date as date) + interval 1 day
        and (t.known_to is null or t.known_to >= cast($as_of_date as date) + interval 1 day)
        and t.occurred_at < cast($as_of_date as date) + interval 1 day
        and t.occurred_at >= cast($as_of_date as date) - 3652
),

-- the only sort; a gap belongs to its earlier end
followed as (
    select
        k.enterprise,
        k.seconds_ago,
        k.voided,
        k.is_void,
        k.cents,
        k.kind,
        k.is_due,
        k.delay,
        lag(k.seconds_ago) over (partition by k.enterprise, k.is_void order by k.seconds_ago) as next_ago
    from known as k
),

measured as (
    select
        f.enterprise,
        cast(case when f.seconds_ago < 31536000 then f.seconds_ago // 2592000 else 13 end as tinyint) as block,
        f.voided,
        f.cents,
        f.kind,
        case when not f.is_void then f.seconds_ago end as seconds_ago,
        case when not f.is_void then cast(f.seconds_ago - f.next_ago as double) end as gap,
        not f.is_void and f.seconds_ago // 86400 <> f.next_ago // 86400 as is_new_day,
        f.kind in (2, 3) and f.is_due as pay_due,
        case when f.kind in (2, 3) then cast(f.delay as double) end as pay_delay,
        f.kind = 1 and f.is_due as collect_due,
        case when f.kind = 1 then cast(f.delay as double) end as collect_delay
    from followed as f
),

blocks as materialized (
    select
        m.enterprise,
        m.block,
        cast(count(m.cents) as integer) as tx_count,
        cast(count(*) as integer) as all_count,
        cast(count(m.voided) as integer) as void_known,
        sum(m.cents) as net_amount,
        sum(abs(m.cents)) as gross_amount,
        sum(m.cents * m.cents) as squared_amount,
        sum(case when m.kind = 1 or (m.kind = 4 and m.cents < 0) then m.cents end) as sales,
        sum(case when m.kind = 2 or (m.kind = 4 and m.cents > 0) then m.cents end) as purchases,
        sum(case when m.kind = 3 then m.cents end) as supplier_payments,
        cast(count(case when m.kind = 4 then m.cents end) as integer) as refund_count,
        sum(case when m.kind = 4 then abs(m.cents) end) as refund_amount,
        min(case when m.kind = 1 then m.seconds_ago end) // 86400 as sale_days,
        min(case when m.kind in (2, 3) then m.seconds_ago end) // 86400 as purchase_days,
        max(m.seconds_ago) // 86400 as first_days,
        min(m.seconds_ago) // 86400 as last_days,
        {% for side in ["pay", "collect"] %}
        count(m.{{ side }}_delay) as {{ side }}_count,
        sum(m.{{ side }}_delay) as {{ side }}_sum,
        sum(m.{{ side }}_delay * m.{{ side }}_delay) as {{ side }}_squared,
        count(case when m.{{ side }}_delay > 0 then 1 end) as {{ side }}_late,
        count(case when m.{{ side }}_due then 1 end) as {{ side }}_due,
        count(case when m.{{ side }}_due and m.{{ side }}_delay is null then 1 end) as {{ side }}_overdue,
        {% endfor %}
        count(m.gap) as gap_count,
        sum(m.gap) as gap_sum,
        sum(m.gap * m.gap) as gap_squared,
        max(m.gap) as gap_max,
        count(case when m.is_new_day then 1 end) as new_days
    from measured as m
    group by
        m.enterprise,
        m.block
),

months as (
    select
        b.enterprise,
        -- the slope over the twelve points 0..11 is sum((x - 5.5) * y) / 143
        sum((11 - 2 * b.block) * b.sales) / 28600 as sales_slope,
        cast(sum((11 - 2 * b.block) * b.tx_count) as double) / 286 as count_slope,
        sum(b.sales) / 1200 as sales_mean,
        cast(sum(b.tx_count) as double) / 12 as count_mean,
        -- exact in whole cents, so that the order of adding cannot show
        cast(
            sum(
                cast(least(abs(coalesce(b.sales, 0)), 1e18) as hugeint)
                * cast(least(abs(coalesce(b.sales, 0)), 1e18) as hugeint)
            ) as double
        )
        / 10000 as sales_squared,
        count(*) filter (where b.tx_count > 0) as active_months
    from blocks as b
    where b.block < 12
    group by b.enterprise
),

{% for window in windows %}
w{{ window }} as (
    select
        b.enterprise,
        sum(b.tx_count) as tx_count,
        sum(b.all_count) as all_count,
        sum(b.void_known) as void_known,
        sum(b.net_amount) / 100 as net_amount,
        sum(b.gross_amount) / 100 as gross_amount,
        sum(b.sales) / 100 as sales,
        -sum(b.purchases) / 100 as purchases,
        -sum(b.supplier_payments) / 100 as supplier_payments,
        sum(b.refund_count) as refund_count,
        sum(b.refund_amount) / 100 as refund_amount,
        case
            when sum(b.tx_count) > 1
                then round(
                    sqrt(
                        -- a difference below what doubles tell from rounding is none
                        greatest(
                            sum(b.squared_amount) * (1 - 1e-14)
                            - sum(b.gross_amount) * sum(b.gross_amount) / sum(b.tx_count),
                            0
                        )
                        / (sum(b.tx_count) - 1)
                    ) / 100,
                    2
                )
        end as amount_std,
        {% for side in ["pay", "collect"] %}
        sum(b.{{ side }}_sum) / nullif(sum(b.{{ side }}_count), 0) as {{ side }}_delay_mean,
        case
            when sum(b.{{ side }}_count) > 1
                then sqrt(
                    greatest(
                        sum(b.{{ side }}_squared)
                        - sum(b.{{ side }}_sum) * sum(b.{{ side }}_sum) / sum(b.{{ side }}_count),
                        0
                    )
                    / (sum(b.{{ side }}_count) - 1)
                )
        end as {{ side }}_delay_std,
        cast(sum(b.{{ side }}_late) as double) / nullif(sum(b.{{ side }}_count), 0) as {{ side }}_late_share,
        cast(sum(b.{{ side }}_overdue) as double) / nullif(sum(b.{{ side }}_due), 0) as {{ side }}_overdue_share,
        {% endfor %}
        {% if not window.days %}
        min(b.sale_days) as sale_days_since_last,
        min(b.purchase_days) as purchase_days_since_last,
        max(b.first_days) as days_since_first,
        max(b.first_days) filter (where b.block < 13) as days_since_first_of_year,
        bool_or(b.block = 13 and b.last_days < {{ lookback }}) as traded_before,
        min(b.last_days) as days_since_last,
        {% endif %}
        sum(b.new_days) as new_days,
        max(b.gap_max) as gap_max,
        sum(b.gap_sum) / nullif(sum(b.gap_count), 0) / 86400 as gap_mean,
        case
            when sum(b.gap_count) > 1
                then sqrt(
                    cast(
                        sum(b.gap_count) * cast(sum(b.gap_squared) as hugeint)
                        - cast(sum(b.gap_sum) as hugeint) * cast(sum(b.gap_sum) as hugeint)
                        as double
                    ) / (cast(sum(b.gap_count) as double) * (sum(b.gap_count) - 1))
                ) / 86400
        end as gap_std
    from blocks as b
    {% if window.days %}
    where b.block < {{ (window.days / 30) | round(0, "ceil") | int }}
    {% endif %}
    group by b.enterprise
){{ "," if not loop.last }}

{% endfor %}
select
    p.portfolio,
    p.as_of_date,
    p.bucket,
    p.enterprise_id,
    {% for window in windows %}
    cast(case when d.feed then coalesce(w{{ window }}.tx_count, 0) end as integer) as tx_count_{{ window }},
    {% endfor %}
    {% for days in day_windows %}
    cast(case when d.feed then coalesce(w{{ days }}d.tx_count, 0) / {{ days }}.0 end as double)
        as tx_per_day_{{ days }}d,
    {% endfor %}
    cast(wall.tx_count / (wall.days_since_first + 1) as double) as tx_per_day_all,
    {% for window in windows %}
    cast(
        case
            when d.feed then coalesce(w{{ window }}.new_days, 0) + if(w{{ window }}.tx_count > 0, 1, 0)
        end as integer
    ) as tx_active_days_{{ window }},
    {% endfor %}
    {% for total in ["gross_amount", "net_amount", "sales", "purchases", "supplier_payments"] %}
    {% for window in windows %}
    cast(case when d.feed then coalesce(w{{ window }}.{{ total }}, 0) end as double) as tx_{{ total }}_{{ window }},
    {% endfor %}
    {% endfor %}
    {% for window in windows %}
    cast(w{{ window }}.gross_amount as double) / nullif(w{{ window }}.tx_count, 0) as tx_amount_mean_{{ window }},
    {% endfor %}
    {% for window in windows %}
    w{{ window }}.amount_std as tx_amount_std_{{ window }},
    {% endfor %}
    {% for window in windows %}
    w{{ window }}.amount_std * w{{ window }}.tx_count
    / nullif(cast(w{{ window }}.gross_amount as double), 0) as tx_amount_cv_{{ window }},
    {% endfor %}
    {% for measure in ["gap_std", "gap_mean"] %}
    {% for window in windows %}
    w{{ window }}.{{ measure }} as tx_{{ measure }}_{{ window }},
    {% endfor %}
    {% endfor %}
    {% for window in windows %}
    w{{ window }}.gap_std / nullif(w{{ window }}.gap_mean, 0) as tx_gap_cv_{{ window }},
    {% endfor %}
    {% for window in windows %}
    cast(w{{ window }}.gap_max / 86400.0 as double) as tx_gap_max_{{ window }},
    {% endfor %}
    {% for window in windows %}
    cast(
        case
            when w{{ window }}.void_known > 0
                then (w{{ window }}.all_count - w{{ window }}.tx_count) / cast(w{{ window }}.all_count as double)
        end as double
    ) as tx_void_share_{{ window }},
    {% endfor %}
    {% for window in windows %}
    cast(w{{ window }}.refund_count as double) / nullif(w{{ window }}.tx_count, 0) as tx_refund_share_{{ window }},
    {% endfor %}
    {% for window in windows %}
    coalesce(cast(w{{ window }}.refund_amount as double), 0)
    / nullif(cast(w{{ window }}.gross_amount as double), 0) as tx_refund_amount_share_{{ window }},
    {% endfor %}
    {% for side in ["pay", "collect"] %}
    {% for measure in ["delay_mean", "delay_std", "late_share", "overdue_share"] %}
    {% for window in windows %}
    w{{ window }}.{{ side }}_{{ measure }} as tx_{{ side }}_{{ measure }}_{{ window }},
    {% endfor %}
    {% endfor %}
    {% endfor %}
    m.sales_slope / nullif(abs(m.sales_mean), 0) as tx_sales_trend_12m,
    m.count_slope / nullif(m.count_mean, 0) as tx_count_trend_12m,
    cast(coalesce(w90d.sales, 0) as double)
    / nullif(cast(w180d.sales - coalesce(w90d.sales, 0) as double), 0) as tx_sales_ratio_90d,
    cast(coalesce(w90d.tx_count, 0) as double)
    / nullif(w180d.tx_count - coalesce(w90d.tx_count, 0), 0) as tx_count_ratio_90d,
    sqrt(greatest(m.sales_squared - 12 * m.sales_mean * m.sales_mean, 0) / 11)
    / nullif(abs(m.sales_mean), 0) as tx_sales_month_cv_12m,
    cast(case when d.feed then coalesce(m.active_months, 0) end as integer) as tx_active_months_12m,
    cast(case when wall.traded_before then 365 else wall.days_since_first_of_year end as integer) as tx_tenure_days,
    {% for which in ["", "sale_", "purchase_"] %}
    cast(
        case when wall.{{ which }}days_since_last < {{ lookback }} then wall.{{ which }}days_since_last // 7 * 7 end
        as integer
    ) as tx_{{ which }}days_since_last{{ "," if not loop.last }}
    {% endfor %}
from enterprises as p
cross join delivered as d
left join months as m on p.enterprise = m.enterprise
{% for window in windows %}
left join w{{ window }} on p.enterprise = w{{ window }}.enterprise
{% endfor %}
