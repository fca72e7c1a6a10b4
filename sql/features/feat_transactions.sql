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
-- column tx_void_share_30d: [behaviour] share; voided among the transactions of feeds that state it, 30 days
-- column tx_void_share_90d: [behaviour] share; voided among the transactions of feeds that state it, 90 days
-- column tx_void_share_180d: [behaviour] share; voided among the transactions of feeds that state it, 180 days
-- column tx_void_share_365d: [behaviour] share; voided among the transactions of feeds that state it, 365 days
-- column tx_void_share_all: [behaviour] share; voided among the transactions of feeds that state it, known history
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
-- Amounts are added up in whole cents and gaps in whole seconds, which doubles hold exactly: no figure depends on the
-- order of the rows or on the threads. Standard deviations of money are rounded to cents for the same reason.
-- A single amount above 10^12 counts as 10^12 in the absolute amounts, so that no typing error can overflow a night.
-- Transactions are read once, put in order by enterprise and time for the gaps, and gathered by blocks of 30 days
-- before as_of_date (12 = days 360 to 364, 13 = older): every window is a sum of blocks. What comes enterprise by
-- enterprise is gathered while it is at hand; in the order of the feed its states would be begun again and again.
with delivered as (
    select exists(
        select 1
        from wh.staging.stg_transactions as f
        where
            f.portfolio = $portfolio
            and f.known_at < cast($as_of_date as date) + interval 1 day
    ) as feed
),

-- rows are gathered and sorted by 64 bits of the key, which are narrower than its text; the audit
-- assert_features_hash_unique stops a night in which two enterprises share them
enterprises as (
    select
        p.portfolio,
        p.as_of_date,
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
        count(m.gap) as gap_count,
        sum(m.gap) as gap_sum,
        sum(m.gap * m.gap) as gap_squared,
        max(m.gap) as gap_max,
        count(case when m.is_new_day then 1 end) as new_days,
        count(m.pay_delay) as pay_count,
        sum(m.pay_delay) as pay_sum,
        sum(m.pay_delay * m.pay_delay) as pay_squared,
        count(case when m.pay_delay > 0 then 1 end) as pay_late,
        count(case when m.pay_due then 1 end) as pay_due,
        count(case when m.pay_due and m.pay_delay is null then 1 end) as pay_overdue,
        count(m.collect_delay) as collect_count,
        sum(m.collect_delay) as collect_sum,
        sum(m.collect_delay * m.collect_delay) as collect_squared,
        count(case when m.collect_delay > 0 then 1 end) as collect_late,
        count(case when m.collect_due then 1 end) as collect_due,
        count(case when m.collect_due and m.collect_delay is null then 1 end) as collect_overdue
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

w30 as (
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
        end as gap_std,
        sum(b.pay_sum) / nullif(sum(b.pay_count), 0) as pay_delay_mean,
        case
            when sum(b.pay_count) > 1
                then sqrt(
                    greatest(sum(b.pay_squared) - sum(b.pay_sum) * sum(b.pay_sum) / sum(b.pay_count), 0)
                    / (sum(b.pay_count) - 1)
                )
        end as pay_delay_std,
        cast(sum(b.pay_late) as double) / nullif(sum(b.pay_count), 0) as pay_late_share,
        cast(sum(b.pay_overdue) as double) / nullif(sum(b.pay_due), 0) as pay_overdue_share,
        sum(b.collect_sum) / nullif(sum(b.collect_count), 0) as collect_delay_mean,
        case
            when sum(b.collect_count) > 1
                then sqrt(
                    greatest(sum(b.collect_squared) - sum(b.collect_sum) * sum(b.collect_sum) / sum(b.collect_count), 0)
                    / (sum(b.collect_count) - 1)
                )
        end as collect_delay_std,
        cast(sum(b.collect_late) as double) / nullif(sum(b.collect_count), 0) as collect_late_share,
        cast(sum(b.collect_overdue) as double) / nullif(sum(b.collect_due), 0) as collect_overdue_share
    from blocks as b
    where b.block = 0
    group by b.enterprise
),

w90 as (
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
        end as gap_std,
        sum(b.pay_sum) / nullif(sum(b.pay_count), 0) as pay_delay_mean,
        case
            when sum(b.pay_count) > 1
                then sqrt(
                    greatest(sum(b.pay_squared) - sum(b.pay_sum) * sum(b.pay_sum) / sum(b.pay_count), 0)
                    / (sum(b.pay_count) - 1)
                )
        end as pay_delay_std,
        cast(sum(b.pay_late) as double) / nullif(sum(b.pay_count), 0) as pay_late_share,
        cast(sum(b.pay_overdue) as double) / nullif(sum(b.pay_due), 0) as pay_overdue_share,
        sum(b.collect_sum) / nullif(sum(b.collect_count), 0) as collect_delay_mean,
        case
            when sum(b.collect_count) > 1
                then sqrt(
                    greatest(sum(b.collect_squared) - sum(b.collect_sum) * sum(b.collect_sum) / sum(b.collect_count), 0)
                    / (sum(b.collect_count) - 1)
                )
        end as collect_delay_std,
        cast(sum(b.collect_late) as double) / nullif(sum(b.collect_count), 0) as collect_late_share,
        cast(sum(b.collect_overdue) as double) / nullif(sum(b.collect_due), 0) as collect_overdue_share
    from blocks as b
    where b.block < 3
    group by b.enterprise
),

w180 as (
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
        end as gap_std,
        sum(b.pay_sum) / nullif(sum(b.pay_count), 0) as pay_delay_mean,
        case
            when sum(b.pay_count) > 1
                then sqrt(
                    greatest(sum(b.pay_squared) - sum(b.pay_sum) * sum(b.pay_sum) / sum(b.pay_count), 0)
                    / (sum(b.pay_count) - 1)
                )
        end as pay_delay_std,
        cast(sum(b.pay_late) as double) / nullif(sum(b.pay_count), 0) as pay_late_share,
        cast(sum(b.pay_overdue) as double) / nullif(sum(b.pay_due), 0) as pay_overdue_share,
        sum(b.collect_sum) / nullif(sum(b.collect_count), 0) as collect_delay_mean,
        case
            when sum(b.collect_count) > 1
                then sqrt(
                    greatest(sum(b.collect_squared) - sum(b.collect_sum) * sum(b.collect_sum) / sum(b.collect_count), 0)
                    / (sum(b.collect_count) - 1)
                )
        end as collect_delay_std,
        cast(sum(b.collect_late) as double) / nullif(sum(b.collect_count), 0) as collect_late_share,
        cast(sum(b.collect_overdue) as double) / nullif(sum(b.collect_due), 0) as collect_overdue_share
    from blocks as b
    where b.block < 6
    group by b.enterprise
),

w365 as (
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
        end as gap_std,
        sum(b.pay_sum) / nullif(sum(b.pay_count), 0) as pay_delay_mean,
        case
            when sum(b.pay_count) > 1
                then sqrt(
                    greatest(sum(b.pay_squared) - sum(b.pay_sum) * sum(b.pay_sum) / sum(b.pay_count), 0)
                    / (sum(b.pay_count) - 1)
                )
        end as pay_delay_std,
        cast(sum(b.pay_late) as double) / nullif(sum(b.pay_count), 0) as pay_late_share,
        cast(sum(b.pay_overdue) as double) / nullif(sum(b.pay_due), 0) as pay_overdue_share,
        sum(b.collect_sum) / nullif(sum(b.collect_count), 0) as collect_delay_mean,
        case
            when sum(b.collect_count) > 1
                then sqrt(
                    greatest(sum(b.collect_squared) - sum(b.collect_sum) * sum(b.collect_sum) / sum(b.collect_count), 0)
                    / (sum(b.collect_count) - 1)
                )
        end as collect_delay_std,
        cast(sum(b.collect_late) as double) / nullif(sum(b.collect_count), 0) as collect_late_share,
        cast(sum(b.collect_overdue) as double) / nullif(sum(b.collect_due), 0) as collect_overdue_share
    from blocks as b
    where b.block < 13
    group by b.enterprise
),

wall as (
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
        end as gap_std,
        sum(b.pay_sum) / nullif(sum(b.pay_count), 0) as pay_delay_mean,
        case
            when sum(b.pay_count) > 1
                then sqrt(
                    greatest(sum(b.pay_squared) - sum(b.pay_sum) * sum(b.pay_sum) / sum(b.pay_count), 0)
                    / (sum(b.pay_count) - 1)
                )
        end as pay_delay_std,
        cast(sum(b.pay_late) as double) / nullif(sum(b.pay_count), 0) as pay_late_share,
        cast(sum(b.pay_overdue) as double) / nullif(sum(b.pay_due), 0) as pay_overdue_share,
        sum(b.collect_sum) / nullif(sum(b.collect_count), 0) as collect_delay_mean,
        case
            when sum(b.collect_count) > 1
                then sqrt(
                    greatest(sum(b.collect_squared) - sum(b.collect_sum) * sum(b.collect_sum) / sum(b.collect_count), 0)
                    / (sum(b.collect_count) - 1)
                )
        end as collect_delay_std,
        cast(sum(b.collect_late) as double) / nullif(sum(b.collect_count), 0) as collect_late_share,
        cast(sum(b.collect_overdue) as double) / nullif(sum(b.collect_due), 0) as collect_overdue_share,
        min(b.sale_days) as sale_days_since_last,
        min(b.purchase_days) as purchase_days_since_last,
        max(b.first_days) as days_since_first,
        min(b.last_days) as days_since_last
    from blocks as b
    group by b.enterprise
)

select
    p.portfolio,
    p.as_of_date,
    p.enterprise_id,
    cast(case when d.feed then coalesce(w30.tx_count, 0) end as integer) as tx_count_30d,
    cast(case when d.feed then coalesce(w90.tx_count, 0) end as integer) as tx_count_90d,
    cast(case when d.feed then coalesce(w180.tx_count, 0) end as integer) as tx_count_180d,
    cast(case when d.feed then coalesce(w365.tx_count, 0) end as integer) as tx_count_365d,
    cast(case when d.feed then coalesce(wall.tx_count, 0) end as integer) as tx_count_all,
    cast(case when d.feed then coalesce(w30.tx_count, 0) / 30.0 end as double) as tx_per_day_30d,
    cast(case when d.feed then coalesce(w90.tx_count, 0) / 90.0 end as double) as tx_per_day_90d,
    cast(case when d.feed then coalesce(w180.tx_count, 0) / 180.0 end as double) as tx_per_day_180d,
    cast(case when d.feed then coalesce(w365.tx_count, 0) / 365.0 end as double) as tx_per_day_365d,
    cast(wall.tx_count / (wall.days_since_first + 1) as double) as tx_per_day_all,
    cast(case when d.feed then coalesce(w30.new_days, 0) + if(w30.tx_count > 0, 1, 0) end as integer)
        as tx_active_days_30d,
    cast(case when d.feed then coalesce(w90.new_days, 0) + if(w90.tx_count > 0, 1, 0) end as integer)
        as tx_active_days_90d,
    cast(case when d.feed then coalesce(w180.new_days, 0) + if(w180.tx_count > 0, 1, 0) end as integer)
        as tx_active_days_180d,
    cast(case when d.feed then coalesce(w365.new_days, 0) + if(w365.tx_count > 0, 1, 0) end as integer)
        as tx_active_days_365d,
    cast(case when d.feed then coalesce(wall.new_days, 0) + if(wall.tx_count > 0, 1, 0) end as integer)
        as tx_active_days_all,
    cast(case when d.feed then coalesce(w30.gross_amount, 0) end as double) as tx_gross_amount_30d,
    cast(case when d.feed then coalesce(w90.gross_amount, 0) end as double) as tx_gross_amount_90d,
    cast(case when d.feed then coalesce(w180.gross_amount, 0) end as double) as tx_gross_amount_180d,
    cast(case when d.feed then coalesce(w365.gross_amount, 0) end as double) as tx_gross_amount_365d,
    cast(case when d.feed then coalesce(wall.gross_amount, 0) end as double) as tx_gross_amount_all,
    cast(case when d.feed then coalesce(w30.net_amount, 0) end as double) as tx_net_amount_30d,
    cast(case when d.feed then coalesce(w90.net_amount, 0) end as double) as tx_net_amount_90d,
    cast(case when d.feed then coalesce(w180.net_amount, 0) end as double) as tx_net_amount_180d,
    cast(case when d.feed then coalesce(w365.net_amount, 0) end as double) as tx_net_amount_365d,
    cast(case when d.feed then coalesce(wall.net_amount, 0) end as double) as tx_net_amount_all,
    cast(case when d.feed then coalesce(w30.sales, 0) end as double) as tx_sales_30d,
    cast(case when d.feed then coalesce(w90.sales, 0) end as double) as tx_sales_90d,
    cast(case when d.feed then coalesce(w180.sales, 0) end as double) as tx_sales_180d,
    cast(case when d.feed then coalesce(w365.sales, 0) end as double) as tx_sales_365d,
    cast(case when d.feed then coalesce(wall.sales, 0) end as double) as tx_sales_all,
    cast(case when d.feed then coalesce(w30.purchases, 0) end as double) as tx_purchases_30d,
    cast(case when d.feed then coalesce(w90.purchases, 0) end as double) as tx_purchases_90d,
    cast(case when d.feed then coalesce(w180.purchases, 0) end as double) as tx_purchases_180d,
    cast(case when d.feed then coalesce(w365.purchases, 0) end as double) as tx_purchases_365d,
    cast(case when d.feed then coalesce(wall.purchases, 0) end as double) as tx_purchases_all,
    cast(case when d.feed then coalesce(w30.supplier_payments, 0) end as double) as tx_supplier_payments_30d,
    cast(case when d.feed then coalesce(w90.supplier_payments, 0) end as double) as tx_supplier_payments_90d,
    cast(case when d.feed then coalesce(w180.supplier_payments, 0) end as double) as tx_supplier_payments_180d,
    cast(case when d.feed then coalesce(w365.supplier_payments, 0) end as double) as tx_supplier_payments_365d,
    cast(case when d.feed then coalesce(wall.supplier_payments, 0) end as double) as tx_supplier_payments_all,
    cast(w30.gross_amount as double) / nullif(w30.tx_count, 0) as tx_amount_mean_30d,
    cast(w90.gross_amount as double) / nullif(w90.tx_count, 0) as tx_amount_mean_90d,
    cast(w180.gross_amount as double) / nullif(w180.tx_count, 0) as tx_amount_mean_180d,
    cast(w365.gross_amount as double) / nullif(w365.tx_count, 0) as tx_amount_mean_365d,
    cast(wall.gross_amount as double) / nullif(wall.tx_count, 0) as tx_amount_mean_all,
    w30.amount_std as tx_amount_std_30d,
    w90.amount_std as tx_amount_std_90d,
    w180.amount_std as tx_amount_std_180d,
    w365.amount_std as tx_amount_std_365d,
    wall.amount_std as tx_amount_std_all,
    w30.amount_std * w30.tx_count / nullif(cast(w30.gross_amount as double), 0) as tx_amount_cv_30d,
    w90.amount_std * w90.tx_count / nullif(cast(w90.gross_amount as double), 0) as tx_amount_cv_90d,
    w180.amount_std * w180.tx_count / nullif(cast(w180.gross_amount as double), 0) as tx_amount_cv_180d,
    w365.amount_std * w365.tx_count / nullif(cast(w365.gross_amount as double), 0) as tx_amount_cv_365d,
    wall.amount_std * wall.tx_count / nullif(cast(wall.gross_amount as double), 0) as tx_amount_cv_all,
    w30.gap_std as tx_gap_std_30d,
    w90.gap_std as tx_gap_std_90d,
    w180.gap_std as tx_gap_std_180d,
    w365.gap_std as tx_gap_std_365d,
    wall.gap_std as tx_gap_std_all,
    w30.gap_mean as tx_gap_mean_30d,
    w90.gap_mean as tx_gap_mean_90d,
    w180.gap_mean as tx_gap_mean_180d,
    w365.gap_mean as tx_gap_mean_365d,
    wall.gap_mean as tx_gap_mean_all,
    w30.gap_std / nullif(w30.gap_mean, 0) as tx_gap_cv_30d,
    w90.gap_std / nullif(w90.gap_mean, 0) as tx_gap_cv_90d,
    w180.gap_std / nullif(w180.gap_mean, 0) as tx_gap_cv_180d,
    w365.gap_std / nullif(w365.gap_mean, 0) as tx_gap_cv_365d,
    wall.gap_std / nullif(wall.gap_mean, 0) as tx_gap_cv_all,
    cast(w30.gap_max / 86400.0 as double) as tx_gap_max_30d,
    cast(w90.gap_max / 86400.0 as double) as tx_gap_max_90d,
    cast(w180.gap_max / 86400.0 as double) as tx_gap_max_180d,
    cast(w365.gap_max / 86400.0 as double) as tx_gap_max_365d,
    cast(wall.gap_max / 86400.0 as double) as tx_gap_max_all,
    cast(
        case when w30.void_known > 0 then (w30.all_count - w30.tx_count) / cast(w30.all_count as double) end as double
    ) as tx_void_share_30d,
    cast(
        case when w90.void_known > 0 then (w90.all_count - w90.tx_count) / cast(w90.all_count as double) end as double
    ) as tx_void_share_90d,
    cast(
        case
            when w180.void_known > 0 then (w180.all_count - w180.tx_count) / cast(w180.all_count as double)
        end as double
    ) as tx_void_share_180d,
    cast(
        case
            when w365.void_known > 0 then (w365.all_count - w365.tx_count) / cast(w365.all_count as double)
        end as double
    ) as tx_void_share_365d,
    cast(
        case
            when wall.void_known > 0 then (wall.all_count - wall.tx_count) / cast(wall.all_count as double)
        end as double
    ) as tx_void_share_all,
    cast(w30.refund_count as double) / nullif(w30.tx_count, 0) as tx_refund_share_30d,
    cast(w90.refund_count as double) / nullif(w90.tx_count, 0) as tx_refund_share_90d,
    cast(w180.refund_count as double) / nullif(w180.tx_count, 0) as tx_refund_share_180d,
    cast(w365.refund_count as double) / nullif(w365.tx_count, 0) as tx_refund_share_365d,
    cast(wall.refund_count as double) / nullif(wall.tx_count, 0) as tx_refund_share_all,
    coalesce(cast(w30.refund_amount as double), 0)
    / nullif(cast(w30.gross_amount as double), 0) as tx_refund_amount_share_30d,
    coalesce(cast(w90.refund_amount as double), 0)
    / nullif(cast(w90.gross_amount as double), 0) as tx_refund_amount_share_90d,
    coalesce(cast(w180.refund_amount as double), 0)
    / nullif(cast(w180.gross_amount as double), 0) as tx_refund_amount_share_180d,
    coalesce(cast(w365.refund_amount as double), 0)
    / nullif(cast(w365.gross_amount as double), 0) as tx_refund_amount_share_365d,
    coalesce(cast(wall.refund_amount as double), 0)
    / nullif(cast(wall.gross_amount as double), 0) as tx_refund_amount_share_all,
    w30.pay_delay_mean as tx_pay_delay_mean_30d,
    w90.pay_delay_mean as tx_pay_delay_mean_90d,
    w180.pay_delay_mean as tx_pay_delay_mean_180d,
    w365.pay_delay_mean as tx_pay_delay_mean_365d,
    wall.pay_delay_mean as tx_pay_delay_mean_all,
    w30.pay_delay_std as tx_pay_delay_std_30d,
    w90.pay_delay_std as tx_pay_delay_std_90d,
    w180.pay_delay_std as tx_pay_delay_std_180d,
    w365.pay_delay_std as tx_pay_delay_std_365d,
    wall.pay_delay_std as tx_pay_delay_std_all,
    w30.pay_late_share as tx_pay_late_share_30d,
    w90.pay_late_share as tx_pay_late_share_90d,
    w180.pay_late_share as tx_pay_late_share_180d,
    w365.pay_late_share as tx_pay_late_share_365d,
    wall.pay_late_share as tx_pay_late_share_all,
    w30.pay_overdue_share as tx_pay_overdue_share_30d,
    w90.pay_overdue_share as tx_pay_overdue_share_90d,
    w180.pay_overdue_share as tx_pay_overdue_share_180d,
    w365.pay_overdue_share as tx_pay_overdue_share_365d,
    wall.pay_overdue_share as tx_pay_overdue_share_all,
    w30.collect_delay_mean as tx_collect_delay_mean_30d,
    w90.collect_delay_mean as tx_collect_delay_mean_90d,
    w180.collect_delay_mean as tx_collect_delay_mean_180d,
    w365.collect_delay_mean as tx_collect_delay_mean_365d,
    wall.collect_delay_mean as tx_collect_delay_mean_all,
    w30.collect_delay_std as tx_collect_delay_std_30d,
    w90.collect_delay_std as tx_collect_delay_std_90d,
    w180.collect_delay_std as tx_collect_delay_std_180d,
    w365.collect_delay_std as tx_collect_delay_std_365d,
    wall.collect_delay_std as tx_collect_delay_std_all,
    w30.collect_late_share as tx_collect_late_share_30d,
    w90.collect_late_share as tx_collect_late_share_90d,
    w180.collect_late_share as tx_collect_late_share_180d,
    w365.collect_late_share as tx_collect_late_share_365d,
    wall.collect_late_share as tx_collect_late_share_all,
    w30.collect_overdue_share as tx_collect_overdue_share_30d,
    w90.collect_overdue_share as tx_collect_overdue_share_90d,
    w180.collect_overdue_share as tx_collect_overdue_share_180d,
    w365.collect_overdue_share as tx_collect_overdue_share_365d,
    wall.collect_overdue_share as tx_collect_overdue_share_all,
    m.sales_slope / nullif(abs(m.sales_mean), 0) as tx_sales_trend_12m,
    m.count_slope / nullif(m.count_mean, 0) as tx_count_trend_12m,
    cast(coalesce(w90.sales, 0) as double)
    / nullif(cast(w180.sales - coalesce(w90.sales, 0) as double), 0) as tx_sales_ratio_90d,
    cast(coalesce(w90.tx_count, 0) as double)
    / nullif(w180.tx_count - coalesce(w90.tx_count, 0), 0) as tx_count_ratio_90d,
    sqrt(greatest(m.sales_squared - 12 * m.sales_mean * m.sales_mean, 0) / 11)
    / nullif(abs(m.sales_mean), 0) as tx_sales_month_cv_12m,
    cast(case when d.feed then coalesce(m.active_months, 0) end as integer) as tx_active_months_12m,
    cast(wall.days_since_first as integer) as tx_tenure_days,
    cast(wall.days_since_last as integer) as tx_days_since_last,
    cast(wall.sale_days_since_last as integer) as tx_sale_days_since_last,
    cast(wall.purchase_days_since_last as integer) as tx_purchase_days_since_last
from enterprises as p
cross join delivered as d
left join months as m on p.enterprise = m.enterprise
left join w30 on p.enterprise = w30.enterprise
left join w90 on p.enterprise = w90.enterprise
left join w180 on p.enterprise = w180.enterprise
left join w365 on p.enterprise = w365.enterprise
left join wall on p.enterprise = wall.enterprise
