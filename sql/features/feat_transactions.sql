-- relation: features.feat_transactions
-- grain: one row per portfolio, as_of_date and enterprise known on as_of_date
-- key: portfolio, as_of_date, enterprise_id
-- time: transactions known by the end of $as_of_date that occurred on or before it; a window of w days ends with
--   as_of_date, 'all' reaches back ten years
-- inputs: staging.stg_transactions, features.feat_profile
-- parameters: portfolio, as_of_date
-- column portfolio: [key] source of the rows
-- column as_of_date: [key] date; the night the row describes
-- column enterprise_id: [key] the lender's key of the enterprise
-- column tx_count_30d: [volume] count; transactions, 30 days (Vanhoeven & Chen type 4)
-- column tx_count_90d: [volume] count; transactions, 90 days (Vanhoeven & Chen type 4)
-- column tx_count_180d: [volume] count; transactions, 180 days (Vanhoeven & Chen type 4)
-- column tx_count_365d: [volume] count; transactions, 365 days (Vanhoeven & Chen type 4)
-- column tx_count_all: [volume] count; transactions, known history (Vanhoeven & Chen type 4)
-- column tx_per_day_30d: [volume] count a day; transactions a calendar day, 30 days, 'daily frequency' (Vanhoeven &
--   Chen type 4)
-- column tx_per_day_90d: [volume] count a day; transactions a calendar day, 90 days, 'daily frequency' (Vanhoeven &
--   Chen type 4)
-- column tx_per_day_180d: [volume] count a day; transactions a calendar day, 180 days, 'daily frequency' (Vanhoeven &
--   Chen type 4)
-- column tx_per_day_365d: [volume] count a day; transactions a calendar day, 365 days, 'daily frequency' (Vanhoeven &
--   Chen type 4)
-- column tx_per_day_all: [volume] count a day; transactions a calendar day since the first, known history (Vanhoeven
--   & Chen type 4)
-- column tx_active_days_30d: [volume] days; days with a transaction, 30 days (Vanhoeven & Chen type 4)
-- column tx_active_days_90d: [volume] days; days with a transaction, 90 days (Vanhoeven & Chen type 4)
-- column tx_active_days_180d: [volume] days; days with a transaction, 180 days (Vanhoeven & Chen type 4)
-- column tx_active_days_365d: [volume] days; days with a transaction, 365 days (Vanhoeven & Chen type 4)
-- column tx_active_days_all: [volume] days; days with a transaction, known history (Vanhoeven & Chen type 4)
-- column tx_gross_amount_30d: [volume] money; total of the absolute amounts, 30 days (Vanhoeven & Chen type 4)
-- column tx_gross_amount_90d: [volume] money; total of the absolute amounts, 90 days (Vanhoeven & Chen type 4)
-- column tx_gross_amount_180d: [volume] money; total of the absolute amounts, 180 days (Vanhoeven & Chen type 4)
-- column tx_gross_amount_365d: [volume] money; total of the absolute amounts, 365 days (Vanhoeven & Chen type 4)
-- column tx_gross_amount_all: [volume] money; total of the absolute amounts, known history (Vanhoeven & Chen type 4)
-- column tx_net_amount_30d: [volume] money; money in less money out, refunds included, 30 days (Vanhoeven & Chen type
--   4)
-- column tx_net_amount_90d: [volume] money; money in less money out, refunds included, 90 days (Vanhoeven & Chen type
--   4)
-- column tx_net_amount_180d: [volume] money; money in less money out, refunds included, 180 days (Vanhoeven & Chen
--   type 4)
-- column tx_net_amount_365d: [volume] money; money in less money out, refunds included, 365 days (Vanhoeven & Chen
--   type 4)
-- column tx_net_amount_all: [volume] money; money in less money out, refunds included, known history (Vanhoeven &
--   Chen type 4)
-- column tx_sales_30d: [volume] money; sales less refunded sales, 30 days (Vanhoeven & Chen type 4)
-- column tx_sales_90d: [volume] money; sales less refunded sales, 90 days (Vanhoeven & Chen type 4)
-- column tx_sales_180d: [volume] money; sales less refunded sales, 180 days (Vanhoeven & Chen type 4)
-- column tx_sales_365d: [volume] money; sales less refunded sales, 365 days (Vanhoeven & Chen type 4)
-- column tx_sales_all: [volume] money; sales less refunded sales, known history (Vanhoeven & Chen type 4)
-- column tx_purchases_30d: [volume] money; purchases less refunded purchases, 30 days (Vanhoeven & Chen type 4)
-- column tx_purchases_90d: [volume] money; purchases less refunded purchases, 90 days (Vanhoeven & Chen type 4)
-- column tx_purchases_180d: [volume] money; purchases less refunded purchases, 180 days (Vanhoeven & Chen type 4)
-- column tx_purchases_365d: [volume] money; purchases less refunded purchases, 365 days (Vanhoeven & Chen type 4)
-- column tx_purchases_all: [volume] money; purchases less refunded purchases, known history (Vanhoeven & Chen type 4)
-- column tx_supplier_payments_30d: [volume] money; payments to suppliers, 30 days (Vanhoeven & Chen type 4)
-- column tx_supplier_payments_90d: [volume] money; payments to suppliers, 90 days (Vanhoeven & Chen type 4)
-- column tx_supplier_payments_180d: [volume] money; payments to suppliers, 180 days (Vanhoeven & Chen type 4)
-- column tx_supplier_payments_365d: [volume] money; payments to suppliers, 365 days (Vanhoeven & Chen type 4)
-- column tx_supplier_payments_all: [volume] money; payments to suppliers, known history (Vanhoeven & Chen type 4)
-- column tx_amount_mean_30d: [volume] money; mean absolute amount, 30 days (Vanhoeven & Chen type 4)
-- column tx_amount_mean_90d: [volume] money; mean absolute amount, 90 days (Vanhoeven & Chen type 4)
-- column tx_amount_mean_180d: [volume] money; mean absolute amount, 180 days (Vanhoeven & Chen type 4)
-- column tx_amount_mean_365d: [volume] money; mean absolute amount, 365 days (Vanhoeven & Chen type 4)
-- column tx_amount_mean_all: [volume] money; mean absolute amount, known history (Vanhoeven & Chen type 4)
-- column tx_amount_std_30d: [consistency] money; standard deviation of the absolute amounts, 30 days, 'transaction
--   variance' (Perez-Salazar et al., section 3.3; Vanhoeven & Chen type 4)
-- column tx_amount_std_90d: [consistency] money; standard deviation of the absolute amounts, 90 days, 'transaction
--   variance' (Perez-Salazar et al., section 3.3; Vanhoeven & Chen type 4)
-- column tx_amount_std_180d: [consistency] money; standard deviation of the absolute amounts, 180 days, 'transaction
--   variance' (Perez-Salazar et al., section 3.3; Vanhoeven & Chen type 4)
-- column tx_amount_std_365d: [consistency] money; standard deviation of the absolute amounts, 365 days, 'transaction
--   variance' (Perez-Salazar et al., section 3.3; Vanhoeven & Chen type 4)
-- column tx_amount_std_all: [consistency] money; standard deviation of the absolute amounts, known history,
--   'transaction variance' (Perez-Salazar et al., section 3.3; Vanhoeven & Chen type 4)
-- column tx_amount_cv_30d: [consistency] ratio; standard deviation of the absolute amounts over their mean, 30 days
--   (Perez-Salazar et al., section 3.3)
-- column tx_amount_cv_90d: [consistency] ratio; standard deviation of the absolute amounts over their mean, 90 days
--   (Perez-Salazar et al., section 3.3)
-- column tx_amount_cv_180d: [consistency] ratio; standard deviation of the absolute amounts over their mean, 180 days
--   (Perez-Salazar et al., section 3.3)
-- column tx_amount_cv_365d: [consistency] ratio; standard deviation of the absolute amounts over their mean, 365 days
--   (Perez-Salazar et al., section 3.3)
-- column tx_amount_cv_all: [consistency] ratio; standard deviation of the absolute amounts over their mean, known
--   history (Perez-Salazar et al., section 3.3)
-- column tx_gap_std_30d: [consistency] days; standard deviation of the time between transactions, 30 days, V_c
--   (Perez-Salazar et al., section 3.3)
-- column tx_gap_std_90d: [consistency] days; standard deviation of the time between transactions, 90 days, V_c
--   (Perez-Salazar et al., section 3.3)
-- column tx_gap_std_180d: [consistency] days; standard deviation of the time between transactions, 180 days, V_c
--   (Perez-Salazar et al., section 3.3)
-- column tx_gap_std_365d: [consistency] days; standard deviation of the time between transactions, 365 days, V_c
--   (Perez-Salazar et al., section 3.3)
-- column tx_gap_std_all: [consistency] days; standard deviation of the time between transactions, known history, V_c
--   (Perez-Salazar et al., section 3.3)
-- column tx_gap_mean_30d: [consistency] days; mean time between transactions, 30 days (Perez-Salazar et al., section
--   3.3)
-- column tx_gap_mean_90d: [consistency] days; mean time between transactions, 90 days (Perez-Salazar et al., section
--   3.3)
-- column tx_gap_mean_180d: [consistency] days; mean time between transactions, 180 days (Perez-Salazar et al.,
--   section 3.3)
-- column tx_gap_mean_365d: [consistency] days; mean time between transactions, 365 days (Perez-Salazar et al.,
--   section 3.3)
-- column tx_gap_mean_all: [consistency] days; mean time between transactions, known history (Perez-Salazar et al.,
--   section 3.3)
-- column tx_gap_cv_30d: [consistency] ratio; standard deviation of the time between transactions over its mean, 30
--   days (Perez-Salazar et al., section 3.3)
-- column tx_gap_cv_90d: [consistency] ratio; standard deviation of the time between transactions over its mean, 90
--   days (Perez-Salazar et al., section 3.3)
-- column tx_gap_cv_180d: [consistency] ratio; standard deviation of the time between transactions over its mean, 180
--   days (Perez-Salazar et al., section 3.3)
-- column tx_gap_cv_365d: [consistency] ratio; standard deviation of the time between transactions over its mean, 365
--   days (Perez-Salazar et al., section 3.3)
-- column tx_gap_cv_all: [consistency] ratio; standard deviation of the time between transactions over its mean, known
--   history (Perez-Salazar et al., section 3.3)
-- column tx_gap_max_30d: [behaviour] days; longest time between transactions, 30 days (activity gaps)
-- column tx_gap_max_90d: [behaviour] days; longest time between transactions, 90 days (activity gaps)
-- column tx_gap_max_180d: [behaviour] days; longest time between transactions, 180 days (activity gaps)
-- column tx_gap_max_365d: [behaviour] days; longest time between transactions, 365 days (activity gaps)
-- column tx_gap_max_all: [behaviour] days; longest time between transactions, known history (activity gaps)
-- column tx_void_share_30d: [behaviour] share; voided among the transactions that state it, 30 days
-- column tx_void_share_90d: [behaviour] share; voided among the transactions that state it, 90 days
-- column tx_void_share_180d: [behaviour] share; voided among the transactions that state it, 180 days
-- column tx_void_share_365d: [behaviour] share; voided among the transactions that state it, 365 days
-- column tx_void_share_all: [behaviour] share; voided among the transactions that state it, known history
-- column tx_refund_share_30d: [behaviour] share; refunds among the transactions, 30 days
-- column tx_refund_share_90d: [behaviour] share; refunds among the transactions, 90 days
-- column tx_refund_share_180d: [behaviour] share; refunds among the transactions, 180 days
-- column tx_refund_share_365d: [behaviour] share; refunds among the transactions, 365 days
-- column tx_refund_share_all: [behaviour] share; refunds among the transactions, known history
-- column tx_refund_amount_share_30d: [behaviour] share; refunded among the absolute amounts, 30 days
-- column tx_refund_amount_share_90d: [behaviour] share; refunded among the absolute amounts, 90 days
-- column tx_refund_amount_share_180d: [behaviour] share; refunded among the absolute amounts, 180 days
-- column tx_refund_amount_share_365d: [behaviour] share; refunded among the absolute amounts, 365 days
-- column tx_refund_amount_share_all: [behaviour] share; refunded among the absolute amounts, known history
-- column tx_pay_delay_mean_30d: [latency] days; mean delay of payment against the due date (below 0 = early),
--   purchases and supplier payments, 30 days (the enterprise pays; Perez-Salazar et al., section 3.1)
-- column tx_pay_delay_mean_90d: [latency] days; mean delay of payment against the due date (below 0 = early),
--   purchases and supplier payments, 90 days (the enterprise pays; Perez-Salazar et al., section 3.1)
-- column tx_pay_delay_mean_180d: [latency] days; mean delay of payment against the due date (below 0 = early),
--   purchases and supplier payments, 180 days (the enterprise pays; Perez-Salazar et al., section 3.1)
-- column tx_pay_delay_mean_365d: [latency] days; mean delay of payment against the due date (below 0 = early),
--   purchases and supplier payments, 365 days (the enterprise pays; Perez-Salazar et al., section 3.1)
-- column tx_pay_delay_mean_all: [latency] days; mean delay of payment against the due date (below 0 = early),
--   purchases and supplier payments, known history (the enterprise pays; Perez-Salazar et al., section 3.1)
-- column tx_pay_delay_std_30d: [latency] days; standard deviation of that delay, purchases and supplier payments, 30
--   days
-- column tx_pay_delay_std_90d: [latency] days; standard deviation of that delay, purchases and supplier payments, 90
--   days
-- column tx_pay_delay_std_180d: [latency] days; standard deviation of that delay, purchases and supplier payments,
--   180 days
-- column tx_pay_delay_std_365d: [latency] days; standard deviation of that delay, purchases and supplier payments,
--   365 days
-- column tx_pay_delay_std_all: [latency] days; standard deviation of that delay, purchases and supplier payments,
--   known history
-- column tx_pay_late_share_30d: [latency] share; paid after the due date among the paid that had one, purchases and
--   supplier payments, 30 days
-- column tx_pay_late_share_90d: [latency] share; paid after the due date among the paid that had one, purchases and
--   supplier payments, 90 days
-- column tx_pay_late_share_180d: [latency] share; paid after the due date among the paid that had one, purchases and
--   supplier payments, 180 days
-- column tx_pay_late_share_365d: [latency] share; paid after the due date among the paid that had one, purchases and
--   supplier payments, 365 days
-- column tx_pay_late_share_all: [latency] share; paid after the due date among the paid that had one, purchases and
--   supplier payments, known history
-- column tx_pay_overdue_share_30d: [latency] share; not yet paid among those that fell due by as_of_date, purchases
--   and supplier payments, 30 days
-- column tx_pay_overdue_share_90d: [latency] share; not yet paid among those that fell due by as_of_date, purchases
--   and supplier payments, 90 days
-- column tx_pay_overdue_share_180d: [latency] share; not yet paid among those that fell due by as_of_date, purchases
--   and supplier payments, 180 days
-- column tx_pay_overdue_share_365d: [latency] share; not yet paid among those that fell due by as_of_date, purchases
--   and supplier payments, 365 days
-- column tx_pay_overdue_share_all: [latency] share; not yet paid among those that fell due by as_of_date, purchases
--   and supplier payments, known history
-- column tx_collect_delay_mean_30d: [latency] days; mean delay of payment against the due date (below 0 = early),
--   sales, 30 days (its customers pay; Perez-Salazar et al., section 3.1)
-- column tx_collect_delay_mean_90d: [latency] days; mean delay of payment against the due date (below 0 = early),
--   sales, 90 days (its customers pay; Perez-Salazar et al., section 3.1)
-- column tx_collect_delay_mean_180d: [latency] days; mean delay of payment against the due date (below 0 = early),
--   sales, 180 days (its customers pay; Perez-Salazar et al., section 3.1)
-- column tx_collect_delay_mean_365d: [latency] days; mean delay of payment against the due date (below 0 = early),
--   sales, 365 days (its customers pay; Perez-Salazar et al., section 3.1)
-- column tx_collect_delay_mean_all: [latency] days; mean delay of payment against the due date (below 0 = early),
--   sales, known history (its customers pay; Perez-Salazar et al., section 3.1)
-- column tx_collect_delay_std_30d: [latency] days; standard deviation of that delay, sales, 30 days
-- column tx_collect_delay_std_90d: [latency] days; standard deviation of that delay, sales, 90 days
-- column tx_collect_delay_std_180d: [latency] days; standard deviation of that delay, sales, 180 days
-- column tx_collect_delay_std_365d: [latency] days; standard deviation of that delay, sales, 365 days
-- column tx_collect_delay_std_all: [latency] days; standard deviation of that delay, sales, known history
-- column tx_collect_late_share_30d: [latency] share; paid after the due date among the paid that had one, sales, 30
--   days
-- column tx_collect_late_share_90d: [latency] share; paid after the due date among the paid that had one, sales, 90
--   days
-- column tx_collect_late_share_180d: [latency] share; paid after the due date among the paid that had one, sales, 180
--   days
-- column tx_collect_late_share_365d: [latency] share; paid after the due date among the paid that had one, sales, 365
--   days
-- column tx_collect_late_share_all: [latency] share; paid after the due date among the paid that had one, sales,
--   known history
-- column tx_collect_overdue_share_30d: [latency] share; not yet paid among those that fell due by as_of_date, sales,
--   30 days
-- column tx_collect_overdue_share_90d: [latency] share; not yet paid among those that fell due by as_of_date, sales,
--   90 days
-- column tx_collect_overdue_share_180d: [latency] share; not yet paid among those that fell due by as_of_date, sales,
--   180 days
-- column tx_collect_overdue_share_365d: [latency] share; not yet paid among those that fell due by as_of_date, sales,
--   365 days
-- column tx_collect_overdue_share_all: [latency] share; not yet paid among those that fell due by as_of_date, sales,
--   known history
-- column tx_sales_trend_12m: [behaviour] ratio a month; regression slope of the sales of the last 12 blocks of 30
--   days over their mean
-- column tx_count_trend_12m: [behaviour] ratio a month; regression slope of the transaction counts of the last 12
--   blocks of 30 days over their mean
-- column tx_sales_ratio_90d: [behaviour] ratio; sales of the last 90 days over those of the 90 days before
-- column tx_count_ratio_90d: [behaviour] ratio; transactions of the last 90 days over those of the 90 days before
-- column tx_sales_month_cv_12m: [consistency] ratio; standard deviation over mean of the sales of the last 12 blocks
--   of 30 days, empty blocks count as 0 (Perez-Salazar et al., section 3.3)
-- column tx_active_months_12m: [behaviour] count; blocks of 30 days with a transaction among the last 12
-- column tx_tenure_days: [behaviour] days; first transaction of the known history to as_of_date
-- column tx_days_since_last: [recency] days; latest transaction to as_of_date
-- column tx_sale_days_since_last: [recency] days; latest sale to as_of_date
-- column tx_purchase_days_since_last: [recency] days; latest purchase or supplier payment to as_of_date
-- Voided transactions count in void_share only. A gap belongs to a window when both of its ends lie in it.
-- Amounts and gaps are added up as exact numbers, so that no figure depends on the order of the rows or on the
-- threads.
-- Rows are first gathered by blocks of 30 days before as_of_date (12 = days 360 to 364, 13 = older): every window is
-- a sum of blocks.
with delivered as (
    select exists(
        select 1
        from wh.staging.stg_transactions as f
        where
            f.portfolio = $portfolio
            and f.known_at < cast($as_of_date as date) + interval 1 day
    ) as feed
),

-- not materialized: each reader below needs a few of its columns only
known as not materialized (
    select
        t.enterprise_id,
        t.occurred_at,
        t.amount,
        t.kind,
        t.voided,
        coalesce(t.voided, false) as void,
        cast($as_of_date as date) - cast(t.occurred_at as date) as days_ago,
        t.due_at < cast($as_of_date as date) + interval 1 day as is_due,
        case
            when t.paid_at < cast($as_of_date as date) + interval 1 day then cast(t.paid_at as date)
            when t.paid_at is null and t.kind = 'supplier_payment' then cast(t.occurred_at as date)
        end - cast(t.due_at as date) as delay_days
    from wh.staging.stg_transactions as t
    where
        t.portfolio = $portfolio
        and t.known_at < cast($as_of_date as date) + interval 1 day
        and (t.known_to is null or t.known_to >= cast($as_of_date as date) + interval 1 day)
        and t.occurred_at < cast($as_of_date as date) + interval 1 day
        and t.occurred_at >= cast($as_of_date as date) - 3652
),

seconds as (
    select
        k.enterprise_id,
        epoch_us(k.occurred_at) // 1000000 as second
    from known as k
    where not k.void
),

-- the only sort: two columns wide
followed as (
    select
        s.enterprise_id,
        s.second,
        lag(s.second) over (partition by s.enterprise_id order by s.second) as previous_second
    from seconds as s
),

steps as (
    select
        f.enterprise_id,
        f.second,
        f.previous_second,
        f.second - f.previous_second as gap,
        f.previous_second is null or f.second // 86400 <> f.previous_second // 86400 as new_day
    from followed as f
),

gaps as (
    select
        g.enterprise_id,
        count(g.gap) filter (where g.previous_second >= epoch(cast($as_of_date as date) - 29)) as gap_count_30d,
        sum(g.gap) filter (where g.previous_second >= epoch(cast($as_of_date as date) - 29)) as gap_sum_30d,
        sum(g.gap * g.gap) filter (where g.previous_second >= epoch(cast($as_of_date as date) - 29)) as gap_squared_30d,
        max(g.gap) filter (where g.previous_second >= epoch(cast($as_of_date as date) - 29)) as gap_max_30d,
        count(*) filter (where g.new_day and g.second >= epoch(cast($as_of_date as date) - 29)) as active_days_30d,
        count(g.gap) filter (where g.previous_second >= epoch(cast($as_of_date as date) - 89)) as gap_count_90d,
        sum(g.gap) filter (where g.previous_second >= epoch(cast($as_of_date as date) - 89)) as gap_sum_90d,
        sum(g.gap * g.gap) filter (where g.previous_second >= epoch(cast($as_of_date as date) - 89)) as gap_squared_90d,
        max(g.gap) filter (where g.previous_second >= epoch(cast($as_of_date as date) - 89)) as gap_max_90d,
        count(*) filter (where g.new_day and g.second >= epoch(cast($as_of_date as date) - 89)) as active_days_90d,
        count(g.gap) filter (where g.previous_second >= epoch(cast($as_of_date as date) - 179)) as gap_count_180d,
        sum(g.gap) filter (where g.previous_second >= epoch(cast($as_of_date as date) - 179)) as gap_sum_180d,
        sum(g.gap * g.gap) filter (where g.previous_second >= epoch(cast($as_of_date as date) - 179)) as gap_squared_180d,
        max(g.gap) filter (where g.previous_second >= epoch(cast($as_of_date as date) - 179)) as gap_max_180d,
        count(*) filter (where g.new_day and g.second >= epoch(cast($as_of_date as date) - 179)) as active_days_180d,
        count(g.gap) filter (where g.previous_second >= epoch(cast($as_of_date as date) - 364)) as gap_count_365d,
        sum(g.gap) filter (where g.previous_second >= epoch(cast($as_of_date as date) - 364)) as gap_sum_365d,
        sum(g.gap * g.gap) filter (where g.previous_second >= epoch(cast($as_of_date as date) - 364)) as gap_squared_365d,
        max(g.gap) filter (where g.previous_second >= epoch(cast($as_of_date as date) - 364)) as gap_max_365d,
        count(*) filter (where g.new_day and g.second >= epoch(cast($as_of_date as date) - 364)) as active_days_365d,
        count(g.gap) as gap_count_all,
        sum(g.gap) as gap_sum_all,
        sum(g.gap * g.gap) as gap_squared_all,
        max(g.gap) as gap_max_all,
        count(*) filter (where g.new_day) as active_days_all,
        cast($as_of_date as date) - cast(make_timestamp(min(g.second) * 1000000) as date) as days_since_first,
        cast($as_of_date as date) - cast(make_timestamp(max(g.second) * 1000000) as date) as days_since_last
    from steps as g
    group by g.enterprise_id
),

blocks as (
    select
        k.enterprise_id,
        case when k.days_ago < 365 then k.days_ago // 30 else 13 end as block,
        count(*) filter (where not k.void) as tx_count,
        sum(k.amount) filter (where not k.void) as net_amount,
        sum(abs(k.amount)) filter (where not k.void) as gross_amount,
        sum(least(abs(k.amount), cast(1e12 as decimal(18, 2))) * least(abs(k.amount), cast(1e12 as decimal(18, 2)))) filter (where not k.void) as squared_amount,
        sum(k.amount) filter (where not k.void and (k.kind = 'sale' or (k.kind = 'refund' and k.amount < 0))) as sales,
        -sum(k.amount) filter (where not k.void and (k.kind = 'purchase' or (k.kind = 'refund' and k.amount > 0))) as purchases,
        -sum(k.amount) filter (where not k.void and k.kind = 'supplier_payment') as supplier_payments,
        count(k.voided) as void_known,
        count(*) filter (where k.void) as void_count,
        count(*) filter (where not k.void and k.kind = 'refund') as refund_count,
        sum(abs(k.amount)) filter (where not k.void and k.kind = 'refund') as refund_amount,
        count(k.delay_days) filter (where not k.void and k.kind in ('purchase', 'supplier_payment')) as pay_count,
        sum(k.delay_days) filter (where not k.void and k.kind in ('purchase', 'supplier_payment')) as pay_days,
        sum(k.delay_days * k.delay_days) filter (where not k.void and k.kind in ('purchase', 'supplier_payment')) as pay_days_squared,
        count(*) filter (where not k.void and k.kind in ('purchase', 'supplier_payment') and k.delay_days > 0) as pay_late,
        count(*) filter (where not k.void and k.kind in ('purchase', 'supplier_payment') and k.is_due) as pay_due,
        count(*) filter (where not k.void and k.kind in ('purchase', 'supplier_payment') and k.is_due and k.delay_days is null) as pay_overdue,
        count(k.delay_days) filter (where not k.void and k.kind = 'sale') as collect_count,
        sum(k.delay_days) filter (where not k.void and k.kind = 'sale') as collect_days,
        sum(k.delay_days * k.delay_days) filter (where not k.void and k.kind = 'sale') as collect_days_squared,
        count(*) filter (where not k.void and k.kind = 'sale' and k.delay_days > 0) as collect_late,
        count(*) filter (where not k.void and k.kind = 'sale' and k.is_due) as collect_due,
        count(*) filter (where not k.void and k.kind = 'sale' and k.is_due and k.delay_days is null) as collect_overdue,
        min(k.days_ago) filter (where not k.void and k.kind = 'sale') as sale_days,
        min(k.days_ago) filter (where not k.void and k.kind in ('purchase', 'supplier_payment')) as purchase_days
    from known as k
    group by
        k.enterprise_id,
        case when k.days_ago < 365 then k.days_ago // 30 else 13 end
),

sums as (
    select
        b.enterprise_id,
        sum(b.tx_count) filter (where b.block = 0) as tx_count_30d,
        sum(b.tx_count) filter (where b.block < 3) as tx_count_90d,
        sum(b.tx_count) filter (where b.block < 6) as tx_count_180d,
        sum(b.tx_count) filter (where b.block < 13) as tx_count_365d,
        sum(b.tx_count) as tx_count_all,
        sum(b.net_amount) filter (where b.block = 0) as net_amount_30d,
        sum(b.net_amount) filter (where b.block < 3) as net_amount_90d,
        sum(b.net_amount) filter (where b.block < 6) as net_amount_180d,
        sum(b.net_amount) filter (where b.block < 13) as net_amount_365d,
        sum(b.net_amount) as net_amount_all,
        sum(b.gross_amount) filter (where b.block = 0) as gross_amount_30d,
        sum(b.gross_amount) filter (where b.block < 3) as gross_amount_90d,
        sum(b.gross_amount) filter (where b.block < 6) as gross_amount_180d,
        sum(b.gross_amount) filter (where b.block < 13) as gross_amount_365d,
        sum(b.gross_amount) as gross_amount_all,
        sum(b.squared_amount) filter (where b.block = 0) as squared_amount_30d,
        sum(b.squared_amount) filter (where b.block < 3) as squared_amount_90d,
        sum(b.squared_amount) filter (where b.block < 6) as squared_amount_180d,
        sum(b.squared_amount) filter (where b.block < 13) as squared_amount_365d,
        sum(b.squared_amount) as squared_amount_all,
        sum(b.sales) filter (where b.block = 0) as sales_30d,
        sum(b.sales) filter (where b.block < 3) as sales_90d,
        sum(b.sales) filter (where b.block < 6) as sales_180d,
        sum(b.sales) filter (where b.block < 13) as sales_365d,
        sum(b.sales) as sales_all,
        sum(b.purchases) filter (where b.block = 0) as purchases_30d,
        sum(b.purchases) filter (where b.block < 3) as purchases_90d,
        sum(b.purchases) filter (where b.block < 6) as purchases_180d,
        sum(b.purchases) filter (where b.block < 13) as purchases_365d,
        sum(b.purchases) as purchases_all,
        sum(b.supplier_payments) filter (where b.block = 0) as supplier_payments_30d,
        sum(b.supplier_payments) filter (where b.block < 3) as supplier_payments_90d,
        sum(b.supplier_payments) filter (where b.block < 6) as supplier_payments_180d,
        sum(b.supplier_payments) filter (where b.block < 13) as supplier_payments_365d,
        sum(b.supplier_payments) as supplier_payments_all,
        sum(b.void_known) filter (where b.block = 0) as void_known_30d,
        sum(b.void_known) filter (where b.block < 3) as void_known_90d,
        sum(b.void_known) filter (where b.block < 6) as void_known_180d,
        sum(b.void_known) filter (where b.block < 13) as void_known_365d,
        sum(b.void_known) as void_known_all,
        sum(b.void_count) filter (where b.block = 0) as void_count_30d,
        sum(b.void_count) filter (where b.block < 3) as void_count_90d,
        sum(b.void_count) filter (where b.block < 6) as void_count_180d,
        sum(b.void_count) filter (where b.block < 13) as void_count_365d,
        sum(b.void_count) as void_count_all,
        sum(b.refund_count) filter (where b.block = 0) as refund_count_30d,
        sum(b.refund_count) filter (where b.block < 3) as refund_count_90d,
        sum(b.refund_count) filter (where b.block < 6) as refund_count_180d,
        sum(b.refund_count) filter (where b.block < 13) as refund_count_365d,
        sum(b.refund_count) as refund_count_all,
        sum(b.refund_amount) filter (where b.block = 0) as refund_amount_30d,
        sum(b.refund_amount) filter (where b.block < 3) as refund_amount_90d,
        sum(b.refund_amount) filter (where b.block < 6) as refund_amount_180d,
        sum(b.refund_amount) filter (where b.block < 13) as refund_amount_365d,
        sum(b.refund_amount) as refund_amount_all,
        sum(b.pay_count) filter (where b.block = 0) as pay_count_30d,
        sum(b.pay_count) filter (where b.block < 3) as pay_count_90d,
        sum(b.pay_count) filter (where b.block < 6) as pay_count_180d,
        sum(b.pay_count) filter (where b.block < 13) as pay_count_365d,
        sum(b.pay_count) as pay_count_all,
        sum(b.pay_days) filter (where b.block = 0) as pay_days_30d,
        sum(b.pay_days) filter (where b.block < 3) as pay_days_90d,
        sum(b.pay_days) filter (where b.block < 6) as pay_days_180d,
        sum(b.pay_days) filter (where b.block < 13) as pay_days_365d,
        sum(b.pay_days) as pay_days_all,
        sum(b.pay_days_squared) filter (where b.block = 0) as pay_days_squared_30d,
        sum(b.pay_days_squared) filter (where b.block < 3) as pay_days_squared_90d,
        sum(b.pay_days_squared) filter (where b.block < 6) as pay_days_squared_180d,
        sum(b.pay_days_squared) filter (where b.block < 13) as pay_days_squared_365d,
        sum(b.pay_days_squared) as pay_days_squared_all,
        sum(b.pay_late) filter (where b.block = 0) as pay_late_30d,
        sum(b.pay_late) filter (where b.block < 3) as pay_late_90d,
        sum(b.pay_late) filter (where b.block < 6) as pay_late_180d,
        sum(b.pay_late) filter (where b.block < 13) as pay_late_365d,
        sum(b.pay_late) as pay_late_all,
        sum(b.pay_due) filter (where b.block = 0) as pay_due_30d,
        sum(b.pay_due) filter (where b.block < 3) as pay_due_90d,
        sum(b.pay_due) filter (where b.block < 6) as pay_due_180d,
        sum(b.pay_due) filter (where b.block < 13) as pay_due_365d,
        sum(b.pay_due) as pay_due_all,
        sum(b.pay_overdue) filter (where b.block = 0) as pay_overdue_30d,
        sum(b.pay_overdue) filter (where b.block < 3) as pay_overdue_90d,
        sum(b.pay_overdue) filter (where b.block < 6) as pay_overdue_180d,
        sum(b.pay_overdue) filter (where b.block < 13) as pay_overdue_365d,
        sum(b.pay_overdue) as pay_overdue_all,
        sum(b.collect_count) filter (where b.block = 0) as collect_count_30d,
        sum(b.collect_count) filter (where b.block < 3) as collect_count_90d,
        sum(b.collect_count) filter (where b.block < 6) as collect_count_180d,
        sum(b.collect_count) filter (where b.block < 13) as collect_count_365d,
        sum(b.collect_count) as collect_count_all,
        sum(b.collect_days) filter (where b.block = 0) as collect_days_30d,
        sum(b.collect_days) filter (where b.block < 3) as collect_days_90d,
        sum(b.collect_days) filter (where b.block < 6) as collect_days_180d,
        sum(b.collect_days) filter (where b.block < 13) as collect_days_365d,
        sum(b.collect_days) as collect_days_all,
        sum(b.collect_days_squared) filter (where b.block = 0) as collect_days_squared_30d,
        sum(b.collect_days_squared) filter (where b.block < 3) as collect_days_squared_90d,
        sum(b.collect_days_squared) filter (where b.block < 6) as collect_days_squared_180d,
        sum(b.collect_days_squared) filter (where b.block < 13) as collect_days_squared_365d,
        sum(b.collect_days_squared) as collect_days_squared_all,
        sum(b.collect_late) filter (where b.block = 0) as collect_late_30d,
        sum(b.collect_late) filter (where b.block < 3) as collect_late_90d,
        sum(b.collect_late) filter (where b.block < 6) as collect_late_180d,
        sum(b.collect_late) filter (where b.block < 13) as collect_late_365d,
        sum(b.collect_late) as collect_late_all,
        sum(b.collect_due) filter (where b.block = 0) as collect_due_30d,
        sum(b.collect_due) filter (where b.block < 3) as collect_due_90d,
        sum(b.collect_due) filter (where b.block < 6) as collect_due_180d,
        sum(b.collect_due) filter (where b.block < 13) as collect_due_365d,
        sum(b.collect_due) as collect_due_all,
        sum(b.collect_overdue) filter (where b.block = 0) as collect_overdue_30d,
        sum(b.collect_overdue) filter (where b.block < 3) as collect_overdue_90d,
        sum(b.collect_overdue) filter (where b.block < 6) as collect_overdue_180d,
        sum(b.collect_overdue) filter (where b.block < 13) as collect_overdue_365d,
        sum(b.collect_overdue) as collect_overdue_all,
        sum(b.sales) filter (where b.block < 12) as sales_360d,
        sum(b.tx_count) filter (where b.block < 12) as count_360d,
        sum(cast(pow(least(abs(cast(b.sales as double)), 1e16), 2) as decimal(38, 4))) filter (where b.block < 12) as sales_squared_360d,
        -- the slope over the twelve points 0..11 is sum((x - 5.5) * y) / 143
        cast(sum((11 - 2 * b.block) * b.sales) filter (where b.block < 12) as double) / 286 as sales_slope,
        cast(sum((11 - 2 * b.block) * b.tx_count) filter (where b.block < 12) as double) / 286 as count_slope,
        count(*) filter (where b.block < 12 and b.tx_count > 0) as active_months,
        min(b.sale_days) as sale_days_since_last,
        min(b.purchase_days) as purchase_days_since_last
    from blocks as b
    group by b.enterprise_id
),

windows as (
    select
        w.*,
        cast(w.squared_amount_30d as double) - cast(w.gross_amount_30d as double) * cast(w.gross_amount_30d as double) / nullif(w.tx_count_30d, 0) as amount_spread_30d,
        cast(w.pay_days_squared_30d as double) - cast(w.pay_days_30d as double) * cast(w.pay_days_30d as double) / nullif(w.pay_count_30d, 0) as pay_spread_30d,
        cast(w.collect_days_squared_30d as double) - cast(w.collect_days_30d as double) * cast(w.collect_days_30d as double) / nullif(w.collect_count_30d, 0) as collect_spread_30d,
        cast(w.squared_amount_90d as double) - cast(w.gross_amount_90d as double) * cast(w.gross_amount_90d as double) / nullif(w.tx_count_90d, 0) as amount_spread_90d,
        cast(w.pay_days_squared_90d as double) - cast(w.pay_days_90d as double) * cast(w.pay_days_90d as double) / nullif(w.pay_count_90d, 0) as pay_spread_90d,
        cast(w.collect_days_squared_90d as double) - cast(w.collect_days_90d as double) * cast(w.collect_days_90d as double) / nullif(w.collect_count_90d, 0) as collect_spread_90d,
        cast(w.squared_amount_180d as double) - cast(w.gross_amount_180d as double) * cast(w.gross_amount_180d as double) / nullif(w.tx_count_180d, 0) as amount_spread_180d,
        cast(w.pay_days_squared_180d as double) - cast(w.pay_days_180d as double) * cast(w.pay_days_180d as double) / nullif(w.pay_count_180d, 0) as pay_spread_180d,
        cast(w.collect_days_squared_180d as double) - cast(w.collect_days_180d as double) * cast(w.collect_days_180d as double) / nullif(w.collect_count_180d, 0) as collect_spread_180d,
        cast(w.squared_amount_365d as double) - cast(w.gross_amount_365d as double) * cast(w.gross_amount_365d as double) / nullif(w.tx_count_365d, 0) as amount_spread_365d,
        cast(w.pay_days_squared_365d as double) - cast(w.pay_days_365d as double) * cast(w.pay_days_365d as double) / nullif(w.pay_count_365d, 0) as pay_spread_365d,
        cast(w.collect_days_squared_365d as double) - cast(w.collect_days_365d as double) * cast(w.collect_days_365d as double) / nullif(w.collect_count_365d, 0) as collect_spread_365d,
        cast(w.squared_amount_all as double) - cast(w.gross_amount_all as double) * cast(w.gross_amount_all as double) / nullif(w.tx_count_all, 0) as amount_spread_all,
        cast(w.pay_days_squared_all as double) - cast(w.pay_days_all as double) * cast(w.pay_days_all as double) / nullif(w.pay_count_all, 0) as pay_spread_all,
        cast(w.collect_days_squared_all as double) - cast(w.collect_days_all as double) * cast(w.collect_days_all as double) / nullif(w.collect_count_all, 0) as collect_spread_all
    from sums as w
)

select
    p.portfolio,
    p.as_of_date,
    p.enterprise_id,
    cast(case when d.feed then coalesce(w.tx_count_30d, 0) end as integer) as tx_count_30d,
    cast(case when d.feed then coalesce(w.tx_count_90d, 0) end as integer) as tx_count_90d,
    cast(case when d.feed then coalesce(w.tx_count_180d, 0) end as integer) as tx_count_180d,
    cast(case when d.feed then coalesce(w.tx_count_365d, 0) end as integer) as tx_count_365d,
    cast(case when d.feed then coalesce(w.tx_count_all, 0) end as integer) as tx_count_all,
    cast(case when d.feed then coalesce(w.tx_count_30d, 0) / 30.0 end as double) as tx_per_day_30d,
    cast(case when d.feed then coalesce(w.tx_count_90d, 0) / 90.0 end as double) as tx_per_day_90d,
    cast(case when d.feed then coalesce(w.tx_count_180d, 0) / 180.0 end as double) as tx_per_day_180d,
    cast(case when d.feed then coalesce(w.tx_count_365d, 0) / 365.0 end as double) as tx_per_day_365d,
    cast(w.tx_count_all / (g.days_since_first + 1) as double) as tx_per_day_all,
    cast(case when d.feed then coalesce(g.active_days_30d, 0) end as integer) as tx_active_days_30d,
    cast(case when d.feed then coalesce(g.active_days_90d, 0) end as integer) as tx_active_days_90d,
    cast(case when d.feed then coalesce(g.active_days_180d, 0) end as integer) as tx_active_days_180d,
    cast(case when d.feed then coalesce(g.active_days_365d, 0) end as integer) as tx_active_days_365d,
    cast(case when d.feed then coalesce(g.active_days_all, 0) end as integer) as tx_active_days_all,
    cast(case when d.feed then coalesce(w.gross_amount_30d, 0) end as double) as tx_gross_amount_30d,
    cast(case when d.feed then coalesce(w.gross_amount_90d, 0) end as double) as tx_gross_amount_90d,
    cast(case when d.feed then coalesce(w.gross_amount_180d, 0) end as double) as tx_gross_amount_180d,
    cast(case when d.feed then coalesce(w.gross_amount_365d, 0) end as double) as tx_gross_amount_365d,
    cast(case when d.feed then coalesce(w.gross_amount_all, 0) end as double) as tx_gross_amount_all,
    cast(case when d.feed then coalesce(w.net_amount_30d, 0) end as double) as tx_net_amount_30d,
    cast(case when d.feed then coalesce(w.net_amount_90d, 0) end as double) as tx_net_amount_90d,
    cast(case when d.feed then coalesce(w.net_amount_180d, 0) end as double) as tx_net_amount_180d,
    cast(case when d.feed then coalesce(w.net_amount_365d, 0) end as double) as tx_net_amount_365d,
    cast(case when d.feed then coalesce(w.net_amount_all, 0) end as double) as tx_net_amount_all,
    cast(case when d.feed then coalesce(w.sales_30d, 0) end as double) as tx_sales_30d,
    cast(case when d.feed then coalesce(w.sales_90d, 0) end as double) as tx_sales_90d,
    cast(case when d.feed then coalesce(w.sales_180d, 0) end as double) as tx_sales_180d,
    cast(case when d.feed then coalesce(w.sales_365d, 0) end as double) as tx_sales_365d,
    cast(case when d.feed then coalesce(w.sales_all, 0) end as double) as tx_sales_all,
    cast(case when d.feed then coalesce(w.purchases_30d, 0) end as double) as tx_purchases_30d,
    cast(case when d.feed then coalesce(w.purchases_90d, 0) end as double) as tx_purchases_90d,
    cast(case when d.feed then coalesce(w.purchases_180d, 0) end as double) as tx_purchases_180d,
    cast(case when d.feed then coalesce(w.purchases_365d, 0) end as double) as tx_purchases_365d,
    cast(case when d.feed then coalesce(w.purchases_all, 0) end as double) as tx_purchases_all,
    cast(case when d.feed then coalesce(w.supplier_payments_30d, 0) end as double) as tx_supplier_payments_30d,
    cast(case when d.feed then coalesce(w.supplier_payments_90d, 0) end as double) as tx_supplier_payments_90d,
    cast(case when d.feed then coalesce(w.supplier_payments_180d, 0) end as double) as tx_supplier_payments_180d,
    cast(case when d.feed then coalesce(w.supplier_payments_365d, 0) end as double) as tx_supplier_payments_365d,
    cast(case when d.feed then coalesce(w.supplier_payments_all, 0) end as double) as tx_supplier_payments_all,
    cast(w.gross_amount_30d as double) / nullif(w.tx_count_30d, 0) as tx_amount_mean_30d,
    cast(w.gross_amount_90d as double) / nullif(w.tx_count_90d, 0) as tx_amount_mean_90d,
    cast(w.gross_amount_180d as double) / nullif(w.tx_count_180d, 0) as tx_amount_mean_180d,
    cast(w.gross_amount_365d as double) / nullif(w.tx_count_365d, 0) as tx_amount_mean_365d,
    cast(w.gross_amount_all as double) / nullif(w.tx_count_all, 0) as tx_amount_mean_all,
    cast(case when w.tx_count_30d > 1 then sqrt(case when w.amount_spread_30d > 1e-12 * w.squared_amount_30d then w.amount_spread_30d else 0 end / (w.tx_count_30d - 1)) end as double) as tx_amount_std_30d,
    cast(case when w.tx_count_90d > 1 then sqrt(case when w.amount_spread_90d > 1e-12 * w.squared_amount_90d then w.amount_spread_90d else 0 end / (w.tx_count_90d - 1)) end as double) as tx_amount_std_90d,
    cast(case when w.tx_count_180d > 1 then sqrt(case when w.amount_spread_180d > 1e-12 * w.squared_amount_180d then w.amount_spread_180d else 0 end / (w.tx_count_180d - 1)) end as double) as tx_amount_std_180d,
    cast(case when w.tx_count_365d > 1 then sqrt(case when w.amount_spread_365d > 1e-12 * w.squared_amount_365d then w.amount_spread_365d else 0 end / (w.tx_count_365d - 1)) end as double) as tx_amount_std_365d,
    cast(case when w.tx_count_all > 1 then sqrt(case when w.amount_spread_all > 1e-12 * w.squared_amount_all then w.amount_spread_all else 0 end / (w.tx_count_all - 1)) end as double) as tx_amount_std_all,
    cast(case when w.tx_count_30d > 1 then sqrt(case when w.amount_spread_30d > 1e-12 * w.squared_amount_30d then w.amount_spread_30d else 0 end / (w.tx_count_30d - 1)) / nullif(cast(w.gross_amount_30d as double) / w.tx_count_30d, 0) end as double) as tx_amount_cv_30d,
    cast(case when w.tx_count_90d > 1 then sqrt(case when w.amount_spread_90d > 1e-12 * w.squared_amount_90d then w.amount_spread_90d else 0 end / (w.tx_count_90d - 1)) / nullif(cast(w.gross_amount_90d as double) / w.tx_count_90d, 0) end as double) as tx_amount_cv_90d,
    cast(case when w.tx_count_180d > 1 then sqrt(case when w.amount_spread_180d > 1e-12 * w.squared_amount_180d then w.amount_spread_180d else 0 end / (w.tx_count_180d - 1)) / nullif(cast(w.gross_amount_180d as double) / w.tx_count_180d, 0) end as double) as tx_amount_cv_180d,
    cast(case when w.tx_count_365d > 1 then sqrt(case when w.amount_spread_365d > 1e-12 * w.squared_amount_365d then w.amount_spread_365d else 0 end / (w.tx_count_365d - 1)) / nullif(cast(w.gross_amount_365d as double) / w.tx_count_365d, 0) end as double) as tx_amount_cv_365d,
    cast(case when w.tx_count_all > 1 then sqrt(case when w.amount_spread_all > 1e-12 * w.squared_amount_all then w.amount_spread_all else 0 end / (w.tx_count_all - 1)) / nullif(cast(w.gross_amount_all as double) / w.tx_count_all, 0) end as double) as tx_amount_cv_all,
    cast(case when g.gap_count_30d > 1 then sqrt(cast(g.gap_count_30d * g.gap_squared_30d - g.gap_sum_30d * g.gap_sum_30d as double) / (g.gap_count_30d * (g.gap_count_30d - 1.0))) / 86400 end as double) as tx_gap_std_30d,
    cast(case when g.gap_count_90d > 1 then sqrt(cast(g.gap_count_90d * g.gap_squared_90d - g.gap_sum_90d * g.gap_sum_90d as double) / (g.gap_count_90d * (g.gap_count_90d - 1.0))) / 86400 end as double) as tx_gap_std_90d,
    cast(case when g.gap_count_180d > 1 then sqrt(cast(g.gap_count_180d * g.gap_squared_180d - g.gap_sum_180d * g.gap_sum_180d as double) / (g.gap_count_180d * (g.gap_count_180d - 1.0))) / 86400 end as double) as tx_gap_std_180d,
    cast(case when g.gap_count_365d > 1 then sqrt(cast(g.gap_count_365d * g.gap_squared_365d - g.gap_sum_365d * g.gap_sum_365d as double) / (g.gap_count_365d * (g.gap_count_365d - 1.0))) / 86400 end as double) as tx_gap_std_365d,
    cast(case when g.gap_count_all > 1 then sqrt(cast(g.gap_count_all * g.gap_squared_all - g.gap_sum_all * g.gap_sum_all as double) / (g.gap_count_all * (g.gap_count_all - 1.0))) / 86400 end as double) as tx_gap_std_all,
    cast(cast(g.gap_sum_30d as double) / g.gap_count_30d / 86400 as double) as tx_gap_mean_30d,
    cast(cast(g.gap_sum_90d as double) / g.gap_count_90d / 86400 as double) as tx_gap_mean_90d,
    cast(cast(g.gap_sum_180d as double) / g.gap_count_180d / 86400 as double) as tx_gap_mean_180d,
    cast(cast(g.gap_sum_365d as double) / g.gap_count_365d / 86400 as double) as tx_gap_mean_365d,
    cast(cast(g.gap_sum_all as double) / g.gap_count_all / 86400 as double) as tx_gap_mean_all,
    cast(case when g.gap_count_30d > 1 then sqrt(cast(g.gap_count_30d * g.gap_squared_30d - g.gap_sum_30d * g.gap_sum_30d as double) / (g.gap_count_30d * (g.gap_count_30d - 1.0))) / nullif(cast(g.gap_sum_30d as double) / g.gap_count_30d, 0) end as double) as tx_gap_cv_30d,
    cast(case when g.gap_count_90d > 1 then sqrt(cast(g.gap_count_90d * g.gap_squared_90d - g.gap_sum_90d * g.gap_sum_90d as double) / (g.gap_count_90d * (g.gap_count_90d - 1.0))) / nullif(cast(g.gap_sum_90d as double) / g.gap_count_90d, 0) end as double) as tx_gap_cv_90d,
    cast(case when g.gap_count_180d > 1 then sqrt(cast(g.gap_count_180d * g.gap_squared_180d - g.gap_sum_180d * g.gap_sum_180d as double) / (g.gap_count_180d * (g.gap_count_180d - 1.0))) / nullif(cast(g.gap_sum_180d as double) / g.gap_count_180d, 0) end as double) as tx_gap_cv_180d,
    cast(case when g.gap_count_365d > 1 then sqrt(cast(g.gap_count_365d * g.gap_squared_365d - g.gap_sum_365d * g.gap_sum_365d as double) / (g.gap_count_365d * (g.gap_count_365d - 1.0))) / nullif(cast(g.gap_sum_365d as double) / g.gap_count_365d, 0) end as double) as tx_gap_cv_365d,
    cast(case when g.gap_count_all > 1 then sqrt(cast(g.gap_count_all * g.gap_squared_all - g.gap_sum_all * g.gap_sum_all as double) / (g.gap_count_all * (g.gap_count_all - 1.0))) / nullif(cast(g.gap_sum_all as double) / g.gap_count_all, 0) end as double) as tx_gap_cv_all,
    cast(g.gap_max_30d / 86400.0 as double) as tx_gap_max_30d,
    cast(g.gap_max_90d / 86400.0 as double) as tx_gap_max_90d,
    cast(g.gap_max_180d / 86400.0 as double) as tx_gap_max_180d,
    cast(g.gap_max_365d / 86400.0 as double) as tx_gap_max_365d,
    cast(g.gap_max_all / 86400.0 as double) as tx_gap_max_all,
    cast(w.void_count_30d as double) / nullif(w.void_known_30d, 0) as tx_void_share_30d,
    cast(w.void_count_90d as double) / nullif(w.void_known_90d, 0) as tx_void_share_90d,
    cast(w.void_count_180d as double) / nullif(w.void_known_180d, 0) as tx_void_share_180d,
    cast(w.void_count_365d as double) / nullif(w.void_known_365d, 0) as tx_void_share_365d,
    cast(w.void_count_all as double) / nullif(w.void_known_all, 0) as tx_void_share_all,
    cast(w.refund_count_30d as double) / nullif(w.tx_count_30d, 0) as tx_refund_share_30d,
    cast(w.refund_count_90d as double) / nullif(w.tx_count_90d, 0) as tx_refund_share_90d,
    cast(w.refund_count_180d as double) / nullif(w.tx_count_180d, 0) as tx_refund_share_180d,
    cast(w.refund_count_365d as double) / nullif(w.tx_count_365d, 0) as tx_refund_share_365d,
    cast(w.refund_count_all as double) / nullif(w.tx_count_all, 0) as tx_refund_share_all,
    coalesce(cast(w.refund_amount_30d as double), 0) / nullif(cast(w.gross_amount_30d as double), 0) as tx_refund_amount_share_30d,
    coalesce(cast(w.refund_amount_90d as double), 0) / nullif(cast(w.gross_amount_90d as double), 0) as tx_refund_amount_share_90d,
    coalesce(cast(w.refund_amount_180d as double), 0) / nullif(cast(w.gross_amount_180d as double), 0) as tx_refund_amount_share_180d,
    coalesce(cast(w.refund_amount_365d as double), 0) / nullif(cast(w.gross_amount_365d as double), 0) as tx_refund_amount_share_365d,
    coalesce(cast(w.refund_amount_all as double), 0) / nullif(cast(w.gross_amount_all as double), 0) as tx_refund_amount_share_all,
    cast(w.pay_days_30d as double) / nullif(w.pay_count_30d, 0) as tx_pay_delay_mean_30d,
    cast(w.pay_days_90d as double) / nullif(w.pay_count_90d, 0) as tx_pay_delay_mean_90d,
    cast(w.pay_days_180d as double) / nullif(w.pay_count_180d, 0) as tx_pay_delay_mean_180d,
    cast(w.pay_days_365d as double) / nullif(w.pay_count_365d, 0) as tx_pay_delay_mean_365d,
    cast(w.pay_days_all as double) / nullif(w.pay_count_all, 0) as tx_pay_delay_mean_all,
    cast(case when w.pay_count_30d > 1 then sqrt(case when w.pay_spread_30d > 1e-12 * w.pay_days_squared_30d then w.pay_spread_30d else 0 end / (w.pay_count_30d - 1)) end as double) as tx_pay_delay_std_30d,
    cast(case when w.pay_count_90d > 1 then sqrt(case when w.pay_spread_90d > 1e-12 * w.pay_days_squared_90d then w.pay_spread_90d else 0 end / (w.pay_count_90d - 1)) end as double) as tx_pay_delay_std_90d,
    cast(case when w.pay_count_180d > 1 then sqrt(case when w.pay_spread_180d > 1e-12 * w.pay_days_squared_180d then w.pay_spread_180d else 0 end / (w.pay_count_180d - 1)) end as double) as tx_pay_delay_std_180d,
    cast(case when w.pay_count_365d > 1 then sqrt(case when w.pay_spread_365d > 1e-12 * w.pay_days_squared_365d then w.pay_spread_365d else 0 end / (w.pay_count_365d - 1)) end as double) as tx_pay_delay_std_365d,
    cast(case when w.pay_count_all > 1 then sqrt(case when w.pay_spread_all > 1e-12 * w.pay_days_squared_all then w.pay_spread_all else 0 end / (w.pay_count_all - 1)) end as double) as tx_pay_delay_std_all,
    cast(w.pay_late_30d as double) / nullif(w.pay_count_30d, 0) as tx_pay_late_share_30d,
    cast(w.pay_late_90d as double) / nullif(w.pay_count_90d, 0) as tx_pay_late_share_90d,
    cast(w.pay_late_180d as double) / nullif(w.pay_count_180d, 0) as tx_pay_late_share_180d,
    cast(w.pay_late_365d as double) / nullif(w.pay_count_365d, 0) as tx_pay_late_share_365d,
    cast(w.pay_late_all as double) / nullif(w.pay_count_all, 0) as tx_pay_late_share_all,
    cast(w.pay_overdue_30d as double) / nullif(w.pay_due_30d, 0) as tx_pay_overdue_share_30d,
    cast(w.pay_overdue_90d as double) / nullif(w.pay_due_90d, 0) as tx_pay_overdue_share_90d,
    cast(w.pay_overdue_180d as double) / nullif(w.pay_due_180d, 0) as tx_pay_overdue_share_180d,
    cast(w.pay_overdue_365d as double) / nullif(w.pay_due_365d, 0) as tx_pay_overdue_share_365d,
    cast(w.pay_overdue_all as double) / nullif(w.pay_due_all, 0) as tx_pay_overdue_share_all,
    cast(w.collect_days_30d as double) / nullif(w.collect_count_30d, 0) as tx_collect_delay_mean_30d,
    cast(w.collect_days_90d as double) / nullif(w.collect_count_90d, 0) as tx_collect_delay_mean_90d,
    cast(w.collect_days_180d as double) / nullif(w.collect_count_180d, 0) as tx_collect_delay_mean_180d,
    cast(w.collect_days_365d as double) / nullif(w.collect_count_365d, 0) as tx_collect_delay_mean_365d,
    cast(w.collect_days_all as double) / nullif(w.collect_count_all, 0) as tx_collect_delay_mean_all,
    cast(case when w.collect_count_30d > 1 then sqrt(case when w.collect_spread_30d > 1e-12 * w.collect_days_squared_30d then w.collect_spread_30d else 0 end / (w.collect_count_30d - 1)) end as double) as tx_collect_delay_std_30d,
    cast(case when w.collect_count_90d > 1 then sqrt(case when w.collect_spread_90d > 1e-12 * w.collect_days_squared_90d then w.collect_spread_90d else 0 end / (w.collect_count_90d - 1)) end as double) as tx_collect_delay_std_90d,
    cast(case when w.collect_count_180d > 1 then sqrt(case when w.collect_spread_180d > 1e-12 * w.collect_days_squared_180d then w.collect_spread_180d else 0 end / (w.collect_count_180d - 1)) end as double) as tx_collect_delay_std_180d,
    cast(case when w.collect_count_365d > 1 then sqrt(case when w.collect_spread_365d > 1e-12 * w.collect_days_squared_365d then w.collect_spread_365d else 0 end / (w.collect_count_365d - 1)) end as double) as tx_collect_delay_std_365d,
    cast(case when w.collect_count_all > 1 then sqrt(case when w.collect_spread_all > 1e-12 * w.collect_days_squared_all then w.collect_spread_all else 0 end / (w.collect_count_all - 1)) end as double) as tx_collect_delay_std_all,
    cast(w.collect_late_30d as double) / nullif(w.collect_count_30d, 0) as tx_collect_late_share_30d,
    cast(w.collect_late_90d as double) / nullif(w.collect_count_90d, 0) as tx_collect_late_share_90d,
    cast(w.collect_late_180d as double) / nullif(w.collect_count_180d, 0) as tx_collect_late_share_180d,
    cast(w.collect_late_365d as double) / nullif(w.collect_count_365d, 0) as tx_collect_late_share_365d,
    cast(w.collect_late_all as double) / nullif(w.collect_count_all, 0) as tx_collect_late_share_all,
    cast(w.collect_overdue_30d as double) / nullif(w.collect_due_30d, 0) as tx_collect_overdue_share_30d,
    cast(w.collect_overdue_90d as double) / nullif(w.collect_due_90d, 0) as tx_collect_overdue_share_90d,
    cast(w.collect_overdue_180d as double) / nullif(w.collect_due_180d, 0) as tx_collect_overdue_share_180d,
    cast(w.collect_overdue_365d as double) / nullif(w.collect_due_365d, 0) as tx_collect_overdue_share_365d,
    cast(w.collect_overdue_all as double) / nullif(w.collect_due_all, 0) as tx_collect_overdue_share_all,
    w.sales_slope / nullif(abs(cast(w.sales_360d as double) / 12), 0) as tx_sales_trend_12m,
    w.count_slope / nullif(w.count_360d / 12.0, 0) as tx_count_trend_12m,
    cast(coalesce(w.sales_90d, 0) as double) / nullif(cast(w.sales_180d - coalesce(w.sales_90d, 0) as double), 0) as tx_sales_ratio_90d,
    cast(w.tx_count_90d as double) / nullif(w.tx_count_180d - coalesce(w.tx_count_90d, 0), 0) as tx_count_ratio_90d,
    sqrt(greatest(cast(w.sales_squared_360d as double) - cast(w.sales_360d as double) * cast(w.sales_360d as double) / 12, 0) / 11) / nullif(abs(cast(w.sales_360d as double) / 12), 0) as tx_sales_month_cv_12m,
    cast(case when d.feed then coalesce(w.active_months, 0) end as integer) as tx_active_months_12m,
    cast(g.days_since_first as integer) as tx_tenure_days,
    cast(g.days_since_last as integer) as tx_days_since_last,
    cast(w.sale_days_since_last as integer) as tx_sale_days_since_last,
    cast(w.purchase_days_since_last as integer) as tx_purchase_days_since_last
from wh.features.feat_profile as p
cross join delivered as d
left join windows as w on p.enterprise_id = w.enterprise_id
left join gaps as g on p.enterprise_id = g.enterprise_id
where p.portfolio = $portfolio and p.as_of_date = cast($as_of_date as date)
