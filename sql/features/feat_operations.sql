-- relation: features.feat_operations
-- grain: one row per portfolio, as_of_date and enterprise known on as_of_date
-- key: portfolio, as_of_date, enterprise_id
-- time: events known by the end of $as_of_date that occurred on or before it; a window of w days ends with as_of_date
-- inputs: staging.stg_operational_events, features.feat_profile
-- parameters: portfolio, as_of_date
-- column portfolio: [key] source of the rows
-- column as_of_date: [key] date; the night the row describes
-- column enterprise_id: [key] the lender's key of the enterprise
-- column event_count_30d: [volume] count; operational events of every type, 30 days
-- column event_count_90d: [volume] count; operational events of every type, 90 days
-- column event_count_180d: [volume] count; operational events of every type, 180 days
-- column event_count_365d: [volume] count; operational events of every type, 365 days
-- column event_active_days_30d: [volume] days; days with an event of any type, 30 days
-- column event_active_days_90d: [volume] days; days with an event of any type, 90 days
-- column event_active_days_180d: [volume] days; days with an event of any type, 180 days
-- column event_active_days_365d: [volume] days; days with an event of any type, 365 days
-- column purchase_order_count_30d: [volume] count; purchase orders, 30 days
-- column purchase_order_count_90d: [volume] count; purchase orders, 90 days
-- column purchase_order_count_180d: [volume] count; purchase orders, 180 days
-- column purchase_order_count_365d: [volume] count; purchase orders, 365 days
-- column purchase_order_amount_30d: [volume] money; total of the purchase orders, 30 days
-- column purchase_order_amount_90d: [volume] money; total of the purchase orders, 90 days
-- column purchase_order_amount_180d: [volume] money; total of the purchase orders, 180 days
-- column purchase_order_amount_365d: [volume] money; total of the purchase orders, 365 days
-- column supplier_payment_amount_30d: [volume] money; payments to suppliers in the operational log, 30 days
-- column supplier_payment_amount_90d: [volume] money; payments to suppliers in the operational log, 90 days
-- column supplier_payment_amount_180d: [volume] money; payments to suppliers in the operational log, 180 days
-- column supplier_payment_amount_365d: [volume] money; payments to suppliers in the operational log, 365 days
-- column event_gap_std_30d: [consistency] days; standard deviation of the time between business events, 30 days, V_c
--   (Perez-Salazar et al., section 3.3)
-- column event_gap_std_90d: [consistency] days; standard deviation of the time between business events, 90 days, V_c
--   (Perez-Salazar et al., section 3.3)
-- column event_gap_std_180d: [consistency] days; standard deviation of the time between business events, 180 days,
--   V_c (Perez-Salazar et al., section 3.3)
-- column event_gap_std_365d: [consistency] days; standard deviation of the time between business events, 365 days,
--   V_c (Perez-Salazar et al., section 3.3)
-- column event_gap_mean_30d: [consistency] days; mean time between business events, 30 days (Perez-Salazar et al.,
--   section 3.3)
-- column event_gap_mean_90d: [consistency] days; mean time between business events, 90 days (Perez-Salazar et al.,
--   section 3.3)
-- column event_gap_mean_180d: [consistency] days; mean time between business events, 180 days (Perez-Salazar et al.,
--   section 3.3)
-- column event_gap_mean_365d: [consistency] days; mean time between business events, 365 days (Perez-Salazar et al.,
--   section 3.3)
-- column event_gap_cv_30d: [consistency] ratio; standard deviation of the time between business events over its mean,
--   30 days (Perez-Salazar et al., section 3.3)
-- column event_gap_cv_90d: [consistency] ratio; standard deviation of the time between business events over its mean,
--   90 days (Perez-Salazar et al., section 3.3)
-- column event_gap_cv_180d: [consistency] ratio; standard deviation of the time between business events over its
--   mean, 180 days (Perez-Salazar et al., section 3.3)
-- column event_gap_cv_365d: [consistency] ratio; standard deviation of the time between business events over its
--   mean, 365 days (Perez-Salazar et al., section 3.3)
-- column event_gap_max_30d: [behaviour] days; longest time between business events, 30 days (activity gaps)
-- column event_gap_max_90d: [behaviour] days; longest time between business events, 90 days (activity gaps)
-- column event_gap_max_180d: [behaviour] days; longest time between business events, 180 days (activity gaps)
-- column event_gap_max_365d: [behaviour] days; longest time between business events, 365 days (activity gaps)
-- column login_count_30d: [digital_intensity] count; logins, 30 days, V_i (Perez-Salazar et al., section 3.3)
-- column login_count_90d: [digital_intensity] count; logins, 90 days, V_i (Perez-Salazar et al., section 3.3)
-- column login_count_180d: [digital_intensity] count; logins, 180 days, V_i (Perez-Salazar et al., section 3.3)
-- column login_count_365d: [digital_intensity] count; logins, 365 days, V_i (Perez-Salazar et al., section 3.3)
-- column export_count_30d: [digital_intensity] count; data exports, 30 days, V_i (Perez-Salazar et al., section 3.3)
-- column export_count_90d: [digital_intensity] count; data exports, 90 days, V_i (Perez-Salazar et al., section 3.3)
-- column export_count_180d: [digital_intensity] count; data exports, 180 days, V_i (Perez-Salazar et al., section
--   3.3)
-- column export_count_365d: [digital_intensity] count; data exports, 365 days, V_i (Perez-Salazar et al., section
--   3.3)
-- column login_per_active_day_30d: [digital_intensity] count a day; logins on each day with an event, 30 days, V_i
--   (Perez-Salazar et al., section 3.3)
-- column login_per_active_day_90d: [digital_intensity] count a day; logins on each day with an event, 90 days, V_i
--   (Perez-Salazar et al., section 3.3)
-- column login_per_active_day_180d: [digital_intensity] count a day; logins on each day with an event, 180 days, V_i
--   (Perez-Salazar et al., section 3.3)
-- column login_per_active_day_365d: [digital_intensity] count a day; logins on each day with an event, 365 days, V_i
--   (Perez-Salazar et al., section 3.3)
-- column export_per_active_day_30d: [digital_intensity] count a day; exports on each day with an event, 30 days, V_i
--   (Perez-Salazar et al., section 3.3)
-- column export_per_active_day_90d: [digital_intensity] count a day; exports on each day with an event, 90 days, V_i
--   (Perez-Salazar et al., section 3.3)
-- column export_per_active_day_180d: [digital_intensity] count a day; exports on each day with an event, 180 days,
--   V_i (Perez-Salazar et al., section 3.3)
-- column export_per_active_day_365d: [digital_intensity] count a day; exports on each day with an event, 365 days,
--   V_i (Perez-Salazar et al., section 3.3)
-- column digital_intensity_30d: [digital_intensity] count a day; logins and exports a calendar day, 30 days, V_i
--   (Perez-Salazar et al., section 3.3)
-- column digital_intensity_90d: [digital_intensity] count a day; logins and exports a calendar day, 90 days, V_i
--   (Perez-Salazar et al., section 3.3)
-- column digital_intensity_180d: [digital_intensity] count a day; logins and exports a calendar day, 180 days, V_i
--   (Perez-Salazar et al., section 3.3)
-- column digital_intensity_365d: [digital_intensity] count a day; logins and exports a calendar day, 365 days, V_i
--   (Perez-Salazar et al., section 3.3)
-- column login_gap_std_30d: [digital_intensity] days; standard deviation of the time between logins, 30 days
--   (irregular logins; Perez-Salazar et al., section 2)
-- column login_gap_std_90d: [digital_intensity] days; standard deviation of the time between logins, 90 days
--   (irregular logins; Perez-Salazar et al., section 2)
-- column login_gap_std_180d: [digital_intensity] days; standard deviation of the time between logins, 180 days
--   (irregular logins; Perez-Salazar et al., section 2)
-- column login_gap_std_365d: [digital_intensity] days; standard deviation of the time between logins, 365 days
--   (irregular logins; Perez-Salazar et al., section 2)
-- column supplier_latency_mean_30d: [latency] days; mean time from purchase order to the first goods received, 30
--   days, supplier latency (Perez-Salazar et al., section 3.3)
-- column supplier_latency_mean_90d: [latency] days; mean time from purchase order to the first goods received, 90
--   days, supplier latency (Perez-Salazar et al., section 3.3)
-- column supplier_latency_mean_180d: [latency] days; mean time from purchase order to the first goods received, 180
--   days, supplier latency (Perez-Salazar et al., section 3.3)
-- column supplier_latency_mean_365d: [latency] days; mean time from purchase order to the first goods received, 365
--   days, supplier latency (Perez-Salazar et al., section 3.3)
-- column supplier_latency_std_30d: [latency] days; standard deviation of supplier latency, 30 days (Perez-Salazar et
--   al., section 3.3)
-- column supplier_latency_std_90d: [latency] days; standard deviation of supplier latency, 90 days (Perez-Salazar et
--   al., section 3.3)
-- column supplier_latency_std_180d: [latency] days; standard deviation of supplier latency, 180 days (Perez-Salazar
--   et al., section 3.3)
-- column supplier_latency_std_365d: [latency] days; standard deviation of supplier latency, 365 days (Perez-Salazar
--   et al., section 3.3)
-- column delivery_delay_mean_30d: [latency] days; mean delay of the goods against the promised time (below 0 =
--   early), 30 days (Perez-Salazar et al., section 3.3)
-- column delivery_delay_mean_90d: [latency] days; mean delay of the goods against the promised time (below 0 =
--   early), 90 days (Perez-Salazar et al., section 3.3)
-- column delivery_delay_mean_180d: [latency] days; mean delay of the goods against the promised time (below 0 =
--   early), 180 days (Perez-Salazar et al., section 3.3)
-- column delivery_delay_mean_365d: [latency] days; mean delay of the goods against the promised time (below 0 =
--   early), 365 days (Perez-Salazar et al., section 3.3)
-- column delivery_late_share_30d: [latency] share; deliveries after the promised time among those with one, 30 days
--   (Perez-Salazar et al., section 3.3)
-- column delivery_late_share_90d: [latency] share; deliveries after the promised time among those with one, 90 days
--   (Perez-Salazar et al., section 3.3)
-- column delivery_late_share_180d: [latency] share; deliveries after the promised time among those with one, 180 days
--   (Perez-Salazar et al., section 3.3)
-- column delivery_late_share_365d: [latency] share; deliveries after the promised time among those with one, 365 days
--   (Perez-Salazar et al., section 3.3)
-- column order_open_share_30d: [latency] share; purchase orders of the window without goods received by as_of_date,
--   30 days
-- column order_open_share_90d: [latency] share; purchase orders of the window without goods received by as_of_date,
--   90 days
-- column order_open_share_180d: [latency] share; purchase orders of the window without goods received by as_of_date,
--   180 days
-- column order_open_share_365d: [latency] share; purchase orders of the window without goods received by as_of_date,
--   365 days
-- column payment_delay_mean_30d: [latency] days; mean delay of supplier payments against the due time (below 0 =
--   early), 30 days (Perez-Salazar et al., section 3.1)
-- column payment_delay_mean_90d: [latency] days; mean delay of supplier payments against the due time (below 0 =
--   early), 90 days (Perez-Salazar et al., section 3.1)
-- column payment_delay_mean_180d: [latency] days; mean delay of supplier payments against the due time (below 0 =
--   early), 180 days (Perez-Salazar et al., section 3.1)
-- column payment_delay_mean_365d: [latency] days; mean delay of supplier payments against the due time (below 0 =
--   early), 365 days (Perez-Salazar et al., section 3.1)
-- column payment_delay_std_30d: [latency] days; standard deviation of the delay of supplier payments, 30 days
-- column payment_delay_std_90d: [latency] days; standard deviation of the delay of supplier payments, 90 days
-- column payment_delay_std_180d: [latency] days; standard deviation of the delay of supplier payments, 180 days
-- column payment_delay_std_365d: [latency] days; standard deviation of the delay of supplier payments, 365 days
-- column payment_late_share_30d: [latency] share; supplier payments after the due time among those with one, 30 days
-- column payment_late_share_90d: [latency] share; supplier payments after the due time among those with one, 90 days
-- column payment_late_share_180d: [latency] share; supplier payments after the due time among those with one, 180
--   days
-- column payment_late_share_365d: [latency] share; supplier payments after the due time among those with one, 365
--   days
-- column payment_hhi_30d: [dependency] index 0..1; Herfindahl-Hirschman index of supplier payments in the operational
--   log, V_d, 30 days (Perez-Salazar et al., section 3.3)
-- column payment_hhi_90d: [dependency] index 0..1; Herfindahl-Hirschman index of supplier payments in the operational
--   log, V_d, 90 days (Perez-Salazar et al., section 3.3)
-- column payment_hhi_180d: [dependency] index 0..1; Herfindahl-Hirschman index of supplier payments in the
--   operational log, V_d, 180 days (Perez-Salazar et al., section 3.3)
-- column payment_hhi_365d: [dependency] index 0..1; Herfindahl-Hirschman index of supplier payments in the
--   operational log, V_d, 365 days (Perez-Salazar et al., section 3.3)
-- column payment_top_share_30d: [dependency] share; largest supplier's share, supplier payments in the operational
--   log, 30 days (Perez-Salazar et al., section 3.3)
-- column payment_top_share_90d: [dependency] share; largest supplier's share, supplier payments in the operational
--   log, 90 days (Perez-Salazar et al., section 3.3)
-- column payment_top_share_180d: [dependency] share; largest supplier's share, supplier payments in the operational
--   log, 180 days (Perez-Salazar et al., section 3.3)
-- column payment_top_share_365d: [dependency] share; largest supplier's share, supplier payments in the operational
--   log, 365 days (Perez-Salazar et al., section 3.3)
-- column payment_supplier_count_30d: [dependency] count; suppliers, supplier payments in the operational log, 30 days
-- column payment_supplier_count_90d: [dependency] count; suppliers, supplier payments in the operational log, 90 days
-- column payment_supplier_count_180d: [dependency] count; suppliers, supplier payments in the operational log, 180
--   days
-- column payment_supplier_count_365d: [dependency] count; suppliers, supplier payments in the operational log, 365
--   days
-- column order_hhi_30d: [dependency] index 0..1; Herfindahl-Hirschman index of purchase orders by supplier, V_d where
--   payments are not logged, 30 days (Perez-Salazar et al., section 3.3)
-- column order_hhi_90d: [dependency] index 0..1; Herfindahl-Hirschman index of purchase orders by supplier, V_d where
--   payments are not logged, 90 days (Perez-Salazar et al., section 3.3)
-- column order_hhi_180d: [dependency] index 0..1; Herfindahl-Hirschman index of purchase orders by supplier, V_d
--   where payments are not logged, 180 days (Perez-Salazar et al., section 3.3)
-- column order_hhi_365d: [dependency] index 0..1; Herfindahl-Hirschman index of purchase orders by supplier, V_d
--   where payments are not logged, 365 days (Perez-Salazar et al., section 3.3)
-- column order_top_share_30d: [dependency] share; largest supplier's share, purchase orders by supplier, 30 days
--   (Perez-Salazar et al., section 3.3)
-- column order_top_share_90d: [dependency] share; largest supplier's share, purchase orders by supplier, 90 days
--   (Perez-Salazar et al., section 3.3)
-- column order_top_share_180d: [dependency] share; largest supplier's share, purchase orders by supplier, 180 days
--   (Perez-Salazar et al., section 3.3)
-- column order_top_share_365d: [dependency] share; largest supplier's share, purchase orders by supplier, 365 days
--   (Perez-Salazar et al., section 3.3)
-- column order_supplier_count_30d: [dependency] count; suppliers, purchase orders by supplier, 30 days
-- column order_supplier_count_90d: [dependency] count; suppliers, purchase orders by supplier, 90 days
-- column order_supplier_count_180d: [dependency] count; suppliers, purchase orders by supplier, 180 days
-- column order_supplier_count_365d: [dependency] count; suppliers, purchase orders by supplier, 365 days
-- column stock_count_30d: [turnover] count; stock counts, 30 days
-- column stock_count_90d: [turnover] count; stock counts, 90 days
-- column stock_count_180d: [turnover] count; stock counts, 180 days
-- column stock_count_365d: [turnover] count; stock counts, 365 days
-- column turnover_mean_30d: [turnover] ratio; mean of units sold since the last count over units on hand, 30 days,
--   inventory turnover (Perez-Salazar et al., section 3.3)
-- column turnover_mean_90d: [turnover] ratio; mean of units sold since the last count over units on hand, 90 days,
--   inventory turnover (Perez-Salazar et al., section 3.3)
-- column turnover_mean_180d: [turnover] ratio; mean of units sold since the last count over units on hand, 180 days,
--   inventory turnover (Perez-Salazar et al., section 3.3)
-- column turnover_mean_365d: [turnover] ratio; mean of units sold since the last count over units on hand, 365 days,
--   inventory turnover (Perez-Salazar et al., section 3.3)
-- column turnover_std_30d: [turnover] ratio; standard deviation of inventory turnover over the stock counts, 30 days,
--   turnover consistency (Perez-Salazar et al., section 3.3)
-- column turnover_std_90d: [turnover] ratio; standard deviation of inventory turnover over the stock counts, 90 days,
--   turnover consistency (Perez-Salazar et al., section 3.3)
-- column turnover_std_180d: [turnover] ratio; standard deviation of inventory turnover over the stock counts, 180
--   days, turnover consistency (Perez-Salazar et al., section 3.3)
-- column turnover_std_365d: [turnover] ratio; standard deviation of inventory turnover over the stock counts, 365
--   days, turnover consistency (Perez-Salazar et al., section 3.3)
-- column turnover_cv_30d: [turnover] ratio; standard deviation of inventory turnover over its mean, 30 days
--   (Perez-Salazar et al., section 3.3)
-- column turnover_cv_90d: [turnover] ratio; standard deviation of inventory turnover over its mean, 90 days
--   (Perez-Salazar et al., section 3.3)
-- column turnover_cv_180d: [turnover] ratio; standard deviation of inventory turnover over its mean, 180 days
--   (Perez-Salazar et al., section 3.3)
-- column turnover_cv_365d: [turnover] ratio; standard deviation of inventory turnover over its mean, 365 days
--   (Perez-Salazar et al., section 3.3)
-- column event_ratio_90d: [behaviour] ratio; business events of the last 90 days over those of the 90 days before
-- column login_ratio_90d: [behaviour] ratio; logins of the last 90 days over those of the 90 days before
-- column event_days_since_last: [recency] days; latest operational event of any type within ten years to as_of_date
-- column login_days_since_last: [recency] days; latest login within ten years to as_of_date
-- column stock_count_days_since_last: [recency] days; latest stock count within ten years to as_of_date
-- An event type that the portfolio never delivered is missing (null), not 0.
-- Business events are all but logins and exports: their gaps stand for the time between transactions of borrowers
-- without a transaction feed.
-- A gap belongs to a window when both of its ends lie in it; a delivery belongs to the window in which the goods
-- came.
-- A missing supplier counts as one of its own, 'Unknown' (Perez-Salazar et al., section 3.2).
-- Means and spreads are rounded to nine decimals, so that the order in which threads add does not show. Ordered
-- aggregates would do the same, but keep every row of a group in memory, where nothing can spill.
with delivered as (
    select
        count(*) > 0 as feed,
        coalesce(bool_or(f.event_type = 'login'), false) as logins,
        coalesce(bool_or(f.event_type = 'export'), false) as exports,
        coalesce(bool_or(f.event_type = 'purchase_order'), false) as purchase_orders,
        coalesce(bool_or(f.event_type = 'supplier_payment'), false) as supplier_payments,
        coalesce(bool_or(f.event_type = 'stock_count'), false) as stock_counts
    from wh.staging.stg_operational_events as f
    where
        f.portfolio = $portfolio
        and f.known_at < cast($as_of_date as date) + interval 1 day
),

-- each nested payload is read once
read_once as (
    select
        e.enterprise_id,
        e.event_id,
        e.occurred_at,
        e.event_type,
        cast($as_of_date as date) - cast(e.occurred_at as date) as days_ago,
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
        and e.occurred_at >= cast($as_of_date as date) - 3652
),

known as (
    select
        r.enterprise_id,
        r.event_id,
        r.occurred_at,
        r.event_type,
        r.days_ago,
        r.is_business,
        r.payload[1] as order_id,
        coalesce(r.payload[2], 'Unknown') as supplier_id,
        abs(try_cast(r.payload[3] as decimal(18, 2))) as amount,
        try_cast(r.payload[4] as timestamp) as promised_at,
        case
            when r.event_type = 'supplier_payment'
                then epoch(r.occurred_at - try_cast(r.payload[5] as timestamp)) / 86400
        end as payment_delay,
        case
            when r.event_type = 'stock_count'
                then try_cast(r.payload[7] as double) / nullif(try_cast(r.payload[6] as double), 0)
        end as turnover
    from read_once as r
),

counts as (
    select
        k.enterprise_id,
        count(*) filter (where k.days_ago < 30) as event_count_30d,
        count(*) filter (where k.days_ago < 90) as event_count_90d,
        count(*) filter (where k.days_ago < 180) as event_count_180d,
        count(*) filter (where k.days_ago < 365) as event_count_365d,
        count(distinct k.days_ago) filter (where k.days_ago < 30) as active_days_30d,
        count(distinct k.days_ago) filter (where k.days_ago < 90) as active_days_90d,
        count(distinct k.days_ago) filter (where k.days_ago < 180) as active_days_180d,
        count(distinct k.days_ago) filter (where k.days_ago < 365) as active_days_365d,
        count(*) filter (where k.is_business and k.days_ago < 30) as business_30d,
        count(*) filter (where k.is_business and k.days_ago < 90) as business_90d,
        count(*) filter (where k.is_business and k.days_ago < 180) as business_180d,
        count(*) filter (where k.is_business and k.days_ago < 365) as business_365d,
        count(*) filter (where k.event_type = 'login' and k.days_ago < 30) as logins_30d,
        count(*) filter (where k.event_type = 'login' and k.days_ago < 90) as logins_90d,
        count(*) filter (where k.event_type = 'login' and k.days_ago < 180) as logins_180d,
        count(*) filter (where k.event_type = 'login' and k.days_ago < 365) as logins_365d,
        count(*) filter (where k.event_type = 'export' and k.days_ago < 30) as exports_30d,
        count(*) filter (where k.event_type = 'export' and k.days_ago < 90) as exports_90d,
        count(*) filter (where k.event_type = 'export' and k.days_ago < 180) as exports_180d,
        count(*) filter (where k.event_type = 'export' and k.days_ago < 365) as exports_365d,
        count(*) filter (where k.event_type = 'purchase_order' and k.days_ago < 30) as purchase_orders_30d,
        count(*) filter (where k.event_type = 'purchase_order' and k.days_ago < 90) as purchase_orders_90d,
        count(*) filter (where k.event_type = 'purchase_order' and k.days_ago < 180) as purchase_orders_180d,
        count(*) filter (where k.event_type = 'purchase_order' and k.days_ago < 365) as purchase_orders_365d,
        count(*) filter (where k.event_type = 'stock_count' and k.days_ago < 30) as stock_counts_30d,
        count(*) filter (where k.event_type = 'stock_count' and k.days_ago < 90) as stock_counts_90d,
        count(*) filter (where k.event_type = 'stock_count' and k.days_ago < 180) as stock_counts_180d,
        count(*) filter (where k.event_type = 'stock_count' and k.days_ago < 365) as stock_counts_365d,
        sum(k.amount) filter (where k.event_type = 'purchase_order' and k.days_ago < 30) as purchase_order_amount_30d,
        sum(k.amount) filter (where k.event_type = 'purchase_order' and k.days_ago < 90) as purchase_order_amount_90d,
        sum(k.amount) filter (where k.event_type = 'purchase_order' and k.days_ago < 180) as purchase_order_amount_180d,
        sum(k.amount) filter (where k.event_type = 'purchase_order' and k.days_ago < 365) as purchase_order_amount_365d,
        sum(k.amount) filter (where k.event_type = 'supplier_payment' and k.days_ago < 30)
            as supplier_payment_amount_30d,
        sum(k.amount) filter (where k.event_type = 'supplier_payment' and k.days_ago < 90)
            as supplier_payment_amount_90d,
        sum(k.amount) filter (where k.event_type = 'supplier_payment' and k.days_ago < 180)
            as supplier_payment_amount_180d,
        sum(k.amount) filter (where k.event_type = 'supplier_payment' and k.days_ago < 365)
            as supplier_payment_amount_365d,
        avg(k.payment_delay) filter (where k.event_type = 'supplier_payment' and k.days_ago < 30)
            as payment_delay_mean_30d,
        avg(k.payment_delay) filter (where k.event_type = 'supplier_payment' and k.days_ago < 90)
            as payment_delay_mean_90d,
        avg(k.payment_delay) filter (where k.event_type = 'supplier_payment' and k.days_ago < 180)
            as payment_delay_mean_180d,
        avg(k.payment_delay) filter (where k.event_type = 'supplier_payment' and k.days_ago < 365)
            as payment_delay_mean_365d,
        stddev_samp(k.payment_delay) filter (
            where k.event_type = 'supplier_payment' and k.days_ago < 30
        ) as payment_delay_std_30d,
        stddev_samp(k.payment_delay) filter (
            where k.event_type = 'supplier_payment' and k.days_ago < 90
        ) as payment_delay_std_90d,
        stddev_samp(k.payment_delay) filter (
            where k.event_type = 'supplier_payment' and k.days_ago < 180
        ) as payment_delay_std_180d,
        stddev_samp(k.payment_delay) filter (
            where k.event_type = 'supplier_payment' and k.days_ago < 365
        ) as payment_delay_std_365d,
        count(k.payment_delay) filter (where k.event_type = 'supplier_payment' and k.days_ago < 30) as payment_due_30d,
        count(k.payment_delay) filter (where k.event_type = 'supplier_payment' and k.days_ago < 90) as payment_due_90d,
        count(k.payment_delay) filter (where k.event_type = 'supplier_payment' and k.days_ago < 180)
            as payment_due_180d,
        count(k.payment_delay) filter (where k.event_type = 'supplier_payment' and k.days_ago < 365)
            as payment_due_365d,
        count(*) filter (where k.event_type = 'supplier_payment' and k.days_ago < 30 and k.payment_delay > 0)
            as payment_late_30d,
        count(*) filter (where k.event_type = 'supplier_payment' and k.days_ago < 90 and k.payment_delay > 0)
            as payment_late_90d,
        count(*) filter (where k.event_type = 'supplier_payment' and k.days_ago < 180 and k.payment_delay > 0)
            as payment_late_180d,
        count(*) filter (where k.event_type = 'supplier_payment' and k.days_ago < 365 and k.payment_delay > 0)
            as payment_late_365d,
        avg(k.turnover) filter (where k.days_ago < 30) as turnover_mean_30d,
        avg(k.turnover) filter (where k.days_ago < 90) as turnover_mean_90d,
        avg(k.turnover) filter (where k.days_ago < 180) as turnover_mean_180d,
        avg(k.turnover) filter (where k.days_ago < 365) as turnover_mean_365d,
        stddev_samp(k.turnover) filter (where k.days_ago < 30) as turnover_std_30d,
        stddev_samp(k.turnover) filter (where k.days_ago < 90) as turnover_std_90d,
        stddev_samp(k.turnover) filter (where k.days_ago < 180) as turnover_std_180d,
        stddev_samp(k.turnover) filter (where k.days_ago < 365) as turnover_std_365d,
        min(k.days_ago) as days_since_last,
        min(k.days_ago) filter (where k.event_type = 'login') as login_days_since_last,
        min(k.days_ago) filter (where k.event_type = 'stock_count') as stock_days_since_last
    from known as k
    group by k.enterprise_id
),

followed as (
    select
        k.enterprise_id,
        k.is_business,
        k.occurred_at,
        lag(k.occurred_at) over (partition by k.enterprise_id, k.is_business order by k.occurred_at) as previous_at,
        epoch(
            k.occurred_at - lag(k.occurred_at) over (partition by k.enterprise_id, k.is_business order by k.occurred_at)
        )
        / 86400 as gap
    from known as k
    where k.is_business or k.event_type = 'login'
),

gaps as (
    select
        f.enterprise_id,
        stddev_samp(f.gap) filter (
            where f.is_business and f.previous_at >= cast($as_of_date as date) - 29
        ) as business_std_30d,
        avg(f.gap) filter (
            where f.is_business and f.previous_at >= cast($as_of_date as date) - 29
        ) as business_mean_30d,
        max(f.gap) filter (where f.is_business and f.previous_at >= cast($as_of_date as date) - 29) as business_max_30d,
        stddev_samp(f.gap) filter (
            where f.is_business and f.previous_at >= cast($as_of_date as date) - 89
        ) as business_std_90d,
        avg(f.gap) filter (
            where f.is_business and f.previous_at >= cast($as_of_date as date) - 89
        ) as business_mean_90d,
        max(f.gap) filter (where f.is_business and f.previous_at >= cast($as_of_date as date) - 89) as business_max_90d,
        stddev_samp(f.gap) filter (
            where f.is_business and f.previous_at >= cast($as_of_date as date) - 179
        ) as business_std_180d,
        avg(f.gap) filter (
            where f.is_business and f.previous_at >= cast($as_of_date as date) - 179
        ) as business_mean_180d,
        max(f.gap) filter (where f.is_business and f.previous_at >= cast($as_of_date as date) - 179)
            as business_max_180d,
        stddev_samp(f.gap) filter (
            where f.is_business and f.previous_at >= cast($as_of_date as date) - 364
        ) as business_std_365d,
        avg(f.gap) filter (
            where f.is_business and f.previous_at >= cast($as_of_date as date) - 364
        ) as business_mean_365d,
        max(f.gap) filter (where f.is_business and f.previous_at >= cast($as_of_date as date) - 364)
            as business_max_365d,
        stddev_samp(f.gap) filter (
            where not f.is_business and f.previous_at >= cast($as_of_date as date) - 29
        ) as login_std_30d,
        stddev_samp(f.gap) filter (
            where not f.is_business and f.previous_at >= cast($as_of_date as date) - 89
        ) as login_std_90d,
        stddev_samp(f.gap) filter (
            where not f.is_business and f.previous_at >= cast($as_of_date as date) - 179
        ) as login_std_180d,
        stddev_samp(f.gap) filter (
            where not f.is_business and f.previous_at >= cast($as_of_date as date) - 364
        ) as login_std_365d
    from followed as f
    group by f.enterprise_id
),

-- an order without an order event, or goods without an order, has no latency
orders as (
    select
        k.enterprise_id,
        k.order_id,
        min(k.occurred_at) filter (where k.event_type = 'purchase_order') as ordered_at,
        min(k.occurred_at) filter (where k.event_type = 'goods_received') as received_at,
        min(k.promised_at) filter (where k.event_type = 'purchase_order') as promised_at
    from known as k
    where
        k.order_id is not null
        and k.event_type in ('purchase_order', 'goods_received')
    group by
        k.enterprise_id,
        k.order_id
),

deliveries as (
    select
        o.enterprise_id,
        o.order_id,
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
        o.enterprise_id,
        avg(o.latency) filter (where o.received_days_ago < 30) as latency_mean_30d,
        stddev_samp(o.latency) filter (where o.received_days_ago < 30) as latency_std_30d,
        avg(o.delay) filter (where o.received_days_ago < 30) as delay_mean_30d,
        count(o.delay) filter (where o.received_days_ago < 30) as promised_30d,
        count(*) filter (where o.received_days_ago < 30 and o.delay > 0) as late_30d,
        count(*) filter (where o.ordered_days_ago < 30) as ordered_30d,
        count(*) filter (where o.ordered_days_ago < 30 and o.received_at is null) as open_30d,
        avg(o.latency) filter (where o.received_days_ago < 90) as latency_mean_90d,
        stddev_samp(o.latency) filter (where o.received_days_ago < 90) as latency_std_90d,
        avg(o.delay) filter (where o.received_days_ago < 90) as delay_mean_90d,
        count(o.delay) filter (where o.received_days_ago < 90) as promised_90d,
        count(*) filter (where o.received_days_ago < 90 and o.delay > 0) as late_90d,
        count(*) filter (where o.ordered_days_ago < 90) as ordered_90d,
        count(*) filter (where o.ordered_days_ago < 90 and o.received_at is null) as open_90d,
        avg(o.latency) filter (where o.received_days_ago < 180) as latency_mean_180d,
        stddev_samp(o.latency) filter (where o.received_days_ago < 180) as latency_std_180d,
        avg(o.delay) filter (where o.received_days_ago < 180) as delay_mean_180d,
        count(o.delay) filter (where o.received_days_ago < 180) as promised_180d,
        count(*) filter (where o.received_days_ago < 180 and o.delay > 0) as late_180d,
        count(*) filter (where o.ordered_days_ago < 180) as ordered_180d,
        count(*) filter (where o.ordered_days_ago < 180 and o.received_at is null) as open_180d,
        avg(o.latency) filter (where o.received_days_ago < 365) as latency_mean_365d,
        stddev_samp(o.latency) filter (where o.received_days_ago < 365) as latency_std_365d,
        avg(o.delay) filter (where o.received_days_ago < 365) as delay_mean_365d,
        count(o.delay) filter (where o.received_days_ago < 365) as promised_365d,
        count(*) filter (where o.received_days_ago < 365 and o.delay > 0) as late_365d,
        count(*) filter (where o.ordered_days_ago < 365) as ordered_365d,
        count(*) filter (where o.ordered_days_ago < 365 and o.received_at is null) as open_365d
    from deliveries as o
    group by o.enterprise_id
),

pairs as (
    select
        k.enterprise_id,
        k.event_type,
        k.supplier_id,
        sum(k.amount) filter (where k.days_ago < 30) as amount_30d,
        sum(k.amount) filter (where k.days_ago < 90) as amount_90d,
        sum(k.amount) filter (where k.days_ago < 180) as amount_180d,
        sum(k.amount) filter (where k.days_ago < 365) as amount_365d
    from known as k
    where k.event_type in ('purchase_order', 'supplier_payment')
    group by
        k.enterprise_id,
        k.event_type,
        k.supplier_id
),

suppliers as (
    select
        p.enterprise_id,
        sum(p.amount_30d * p.amount_30d) filter (where p.event_type = 'supplier_payment')
        / nullif(pow(sum(p.amount_30d) filter (where p.event_type = 'supplier_payment'), 2), 0)
            as payment_hhi_30d,
        max(p.amount_30d) filter (where p.event_type = 'supplier_payment')
        / nullif(sum(p.amount_30d) filter (where p.event_type = 'supplier_payment'), 0)
            as payment_top_share_30d,
        count(p.amount_30d) filter (where p.event_type = 'supplier_payment') as payment_suppliers_30d,
        sum(p.amount_90d * p.amount_90d) filter (where p.event_type = 'supplier_payment')
        / nullif(pow(sum(p.amount_90d) filter (where p.event_type = 'supplier_payment'), 2), 0)
            as payment_hhi_90d,
        max(p.amount_90d) filter (where p.event_type = 'supplier_payment')
        / nullif(sum(p.amount_90d) filter (where p.event_type = 'supplier_payment'), 0)
            as payment_top_share_90d,
        count(p.amount_90d) filter (where p.event_type = 'supplier_payment') as payment_suppliers_90d,
        sum(p.amount_180d * p.amount_180d) filter (where p.event_type = 'supplier_payment')
        / nullif(
            pow(sum(p.amount_180d) filter (where p.event_type = 'supplier_payment'), 2), 0
        ) as payment_hhi_180d,
        max(p.amount_180d) filter (where p.event_type = 'supplier_payment')
        / nullif(sum(p.amount_180d) filter (where p.event_type = 'supplier_payment'), 0)
            as payment_top_share_180d,
        count(p.amount_180d) filter (where p.event_type = 'supplier_payment') as payment_suppliers_180d,
        sum(p.amount_365d * p.amount_365d) filter (where p.event_type = 'supplier_payment')
        / nullif(
            pow(sum(p.amount_365d) filter (where p.event_type = 'supplier_payment'), 2), 0
        ) as payment_hhi_365d,
        max(p.amount_365d) filter (where p.event_type = 'supplier_payment')
        / nullif(sum(p.amount_365d) filter (where p.event_type = 'supplier_payment'), 0)
            as payment_top_share_365d,
        count(p.amount_365d) filter (where p.event_type = 'supplier_payment') as payment_suppliers_365d,
        sum(p.amount_30d * p.amount_30d) filter (where p.event_type = 'purchase_order')
        / nullif(pow(sum(p.amount_30d) filter (where p.event_type = 'purchase_order'), 2), 0)
            as order_hhi_30d,
        max(p.amount_30d) filter (where p.event_type = 'purchase_order')
        / nullif(sum(p.amount_30d) filter (where p.event_type = 'purchase_order'), 0)
            as order_top_share_30d,
        count(p.amount_30d) filter (where p.event_type = 'purchase_order') as order_suppliers_30d,
        sum(p.amount_90d * p.amount_90d) filter (where p.event_type = 'purchase_order')
        / nullif(pow(sum(p.amount_90d) filter (where p.event_type = 'purchase_order'), 2), 0)
            as order_hhi_90d,
        max(p.amount_90d) filter (where p.event_type = 'purchase_order')
        / nullif(sum(p.amount_90d) filter (where p.event_type = 'purchase_order'), 0)
            as order_top_share_90d,
        count(p.amount_90d) filter (where p.event_type = 'purchase_order') as order_suppliers_90d,
        sum(p.amount_180d * p.amount_180d) filter (where p.event_type = 'purchase_order')
        / nullif(pow(sum(p.amount_180d) filter (where p.event_type = 'purchase_order'), 2), 0)
            as order_hhi_180d,
        max(p.amount_180d) filter (where p.event_type = 'purchase_order')
        / nullif(sum(p.amount_180d) filter (where p.event_type = 'purchase_order'), 0)
            as order_top_share_180d,
        count(p.amount_180d) filter (where p.event_type = 'purchase_order') as order_suppliers_180d,
        sum(p.amount_365d * p.amount_365d) filter (where p.event_type = 'purchase_order')
        / nullif(pow(sum(p.amount_365d) filter (where p.event_type = 'purchase_order'), 2), 0)
            as order_hhi_365d,
        max(p.amount_365d) filter (where p.event_type = 'purchase_order')
        / nullif(sum(p.amount_365d) filter (where p.event_type = 'purchase_order'), 0)
            as order_top_share_365d,
        count(p.amount_365d) filter (where p.event_type = 'purchase_order') as order_suppliers_365d
    from (
        select
            q.enterprise_id,
            q.event_type,
            q.supplier_id,
            cast(q.amount_30d as double) as amount_30d,
            cast(q.amount_90d as double) as amount_90d,
            cast(q.amount_180d as double) as amount_180d,
            cast(q.amount_365d as double) as amount_365d
        from pairs as q
    ) as p
    group by p.enterprise_id
)

select
    p.portfolio,
    p.as_of_date,
    p.enterprise_id,
    cast(case when d.feed then coalesce(c.event_count_30d, 0) end as integer) as event_count_30d,
    cast(case when d.feed then coalesce(c.event_count_90d, 0) end as integer) as event_count_90d,
    cast(case when d.feed then coalesce(c.event_count_180d, 0) end as integer) as event_count_180d,
    cast(case when d.feed then coalesce(c.event_count_365d, 0) end as integer) as event_count_365d,
    cast(case when d.feed then coalesce(c.active_days_30d, 0) end as integer) as event_active_days_30d,
    cast(case when d.feed then coalesce(c.active_days_90d, 0) end as integer) as event_active_days_90d,
    cast(case when d.feed then coalesce(c.active_days_180d, 0) end as integer) as event_active_days_180d,
    cast(case when d.feed then coalesce(c.active_days_365d, 0) end as integer) as event_active_days_365d,
    cast(case when d.purchase_orders then coalesce(c.purchase_orders_30d, 0) end as integer)
        as purchase_order_count_30d,
    cast(case when d.purchase_orders then coalesce(c.purchase_orders_90d, 0) end as integer)
        as purchase_order_count_90d,
    cast(case when d.purchase_orders then coalesce(c.purchase_orders_180d, 0) end as integer)
        as purchase_order_count_180d,
    cast(case when d.purchase_orders then coalesce(c.purchase_orders_365d, 0) end as integer)
        as purchase_order_count_365d,
    cast(case when d.purchase_orders then coalesce(c.purchase_order_amount_30d, 0) end as double)
        as purchase_order_amount_30d,
    cast(case when d.purchase_orders then coalesce(c.purchase_order_amount_90d, 0) end as double)
        as purchase_order_amount_90d,
    cast(case when d.purchase_orders then coalesce(c.purchase_order_amount_180d, 0) end as double)
        as purchase_order_amount_180d,
    cast(case when d.purchase_orders then coalesce(c.purchase_order_amount_365d, 0) end as double)
        as purchase_order_amount_365d,
    cast(case when d.supplier_payments then coalesce(c.supplier_payment_amount_30d, 0) end as double)
        as supplier_payment_amount_30d,
    cast(case when d.supplier_payments then coalesce(c.supplier_payment_amount_90d, 0) end as double)
        as supplier_payment_amount_90d,
    cast(case when d.supplier_payments then coalesce(c.supplier_payment_amount_180d, 0) end as double)
        as supplier_payment_amount_180d,
    cast(case when d.supplier_payments then coalesce(c.supplier_payment_amount_365d, 0) end as double)
        as supplier_payment_amount_365d,
    round(cast(g.business_std_30d as double), 9) as event_gap_std_30d,
    round(cast(g.business_std_90d as double), 9) as event_gap_std_90d,
    round(cast(g.business_std_180d as double), 9) as event_gap_std_180d,
    round(cast(g.business_std_365d as double), 9) as event_gap_std_365d,
    round(cast(g.business_mean_30d as double), 9) as event_gap_mean_30d,
    round(cast(g.business_mean_90d as double), 9) as event_gap_mean_90d,
    round(cast(g.business_mean_180d as double), 9) as event_gap_mean_180d,
    round(cast(g.business_mean_365d as double), 9) as event_gap_mean_365d,
    round(cast(g.business_std_30d / nullif(g.business_mean_30d, 0) as double), 9) as event_gap_cv_30d,
    round(cast(g.business_std_90d / nullif(g.business_mean_90d, 0) as double), 9) as event_gap_cv_90d,
    round(cast(g.business_std_180d / nullif(g.business_mean_180d, 0) as double), 9) as event_gap_cv_180d,
    round(cast(g.business_std_365d / nullif(g.business_mean_365d, 0) as double), 9) as event_gap_cv_365d,
    round(cast(g.business_max_30d as double), 9) as event_gap_max_30d,
    round(cast(g.business_max_90d as double), 9) as event_gap_max_90d,
    round(cast(g.business_max_180d as double), 9) as event_gap_max_180d,
    round(cast(g.business_max_365d as double), 9) as event_gap_max_365d,
    cast(case when d.logins then coalesce(c.logins_30d, 0) end as integer) as login_count_30d,
    cast(case when d.logins then coalesce(c.logins_90d, 0) end as integer) as login_count_90d,
    cast(case when d.logins then coalesce(c.logins_180d, 0) end as integer) as login_count_180d,
    cast(case when d.logins then coalesce(c.logins_365d, 0) end as integer) as login_count_365d,
    cast(case when d.exports then coalesce(c.exports_30d, 0) end as integer) as export_count_30d,
    cast(case when d.exports then coalesce(c.exports_90d, 0) end as integer) as export_count_90d,
    cast(case when d.exports then coalesce(c.exports_180d, 0) end as integer) as export_count_180d,
    cast(case when d.exports then coalesce(c.exports_365d, 0) end as integer) as export_count_365d,
    round(cast(case when d.logins then c.logins_30d / nullif(c.active_days_30d, 0) end as double), 9)
        as login_per_active_day_30d,
    round(cast(case when d.logins then c.logins_90d / nullif(c.active_days_90d, 0) end as double), 9)
        as login_per_active_day_90d,
    cast(case when d.logins then c.logins_180d / nullif(c.active_days_180d, 0) end as double)
        as login_per_active_day_180d,
    cast(case when d.logins then c.logins_365d / nullif(c.active_days_365d, 0) end as double)
        as login_per_active_day_365d,
    cast(case when d.exports then c.exports_30d / nullif(c.active_days_30d, 0) end as double)
        as export_per_active_day_30d,
    cast(case when d.exports then c.exports_90d / nullif(c.active_days_90d, 0) end as double)
        as export_per_active_day_90d,
    cast(case when d.exports then c.exports_180d / nullif(c.active_days_180d, 0) end as double)
        as export_per_active_day_180d,
    cast(case when d.exports then c.exports_365d / nullif(c.active_days_365d, 0) end as double)
        as export_per_active_day_365d,
    cast(
        case
            when d.logins or d.exports then (coalesce(c.logins_30d, 0) + coalesce(c.exports_30d, 0)) / 30.0
        end as double
    ) as digital_intensity_30d,
    cast(
        case
            when d.logins or d.exports then (coalesce(c.logins_90d, 0) + coalesce(c.exports_90d, 0)) / 90.0
        end as double
    ) as digital_intensity_90d,
    cast(
        case
            when d.logins or d.exports then (coalesce(c.logins_180d, 0) + coalesce(c.exports_180d, 0)) / 180.0
        end as double
    ) as digital_intensity_180d,
    cast(
        case
            when d.logins or d.exports then (coalesce(c.logins_365d, 0) + coalesce(c.exports_365d, 0)) / 365.0
        end as double
    ) as digital_intensity_365d,
    round(cast(g.login_std_30d as double), 9) as login_gap_std_30d,
    round(cast(g.login_std_90d as double), 9) as login_gap_std_90d,
    round(cast(g.login_std_180d as double), 9) as login_gap_std_180d,
    round(cast(g.login_std_365d as double), 9) as login_gap_std_365d,
    round(cast(l.latency_mean_30d as double), 9) as supplier_latency_mean_30d,
    round(cast(l.latency_mean_90d as double), 9) as supplier_latency_mean_90d,
    round(cast(l.latency_mean_180d as double), 9) as supplier_latency_mean_180d,
    round(cast(l.latency_mean_365d as double), 9) as supplier_latency_mean_365d,
    round(cast(l.latency_std_30d as double), 9) as supplier_latency_std_30d,
    round(cast(l.latency_std_90d as double), 9) as supplier_latency_std_90d,
    round(cast(l.latency_std_180d as double), 9) as supplier_latency_std_180d,
    round(cast(l.latency_std_365d as double), 9) as supplier_latency_std_365d,
    round(cast(l.delay_mean_30d as double), 9) as delivery_delay_mean_30d,
    round(cast(l.delay_mean_90d as double), 9) as delivery_delay_mean_90d,
    round(cast(l.delay_mean_180d as double), 9) as delivery_delay_mean_180d,
    round(cast(l.delay_mean_365d as double), 9) as delivery_delay_mean_365d,
    cast(l.late_30d as double) / nullif(l.promised_30d, 0) as delivery_late_share_30d,
    cast(l.late_90d as double) / nullif(l.promised_90d, 0) as delivery_late_share_90d,
    cast(l.late_180d as double) / nullif(l.promised_180d, 0) as delivery_late_share_180d,
    cast(l.late_365d as double) / nullif(l.promised_365d, 0) as delivery_late_share_365d,
    cast(l.open_30d as double) / nullif(l.ordered_30d, 0) as order_open_share_30d,
    cast(l.open_90d as double) / nullif(l.ordered_90d, 0) as order_open_share_90d,
    cast(l.open_180d as double) / nullif(l.ordered_180d, 0) as order_open_share_180d,
    cast(l.open_365d as double) / nullif(l.ordered_365d, 0) as order_open_share_365d,
    round(cast(c.payment_delay_mean_30d as double), 9) as payment_delay_mean_30d,
    round(cast(c.payment_delay_mean_90d as double), 9) as payment_delay_mean_90d,
    round(cast(c.payment_delay_mean_180d as double), 9) as payment_delay_mean_180d,
    round(cast(c.payment_delay_mean_365d as double), 9) as payment_delay_mean_365d,
    round(cast(c.payment_delay_std_30d as double), 9) as payment_delay_std_30d,
    round(cast(c.payment_delay_std_90d as double), 9) as payment_delay_std_90d,
    round(cast(c.payment_delay_std_180d as double), 9) as payment_delay_std_180d,
    round(cast(c.payment_delay_std_365d as double), 9) as payment_delay_std_365d,
    cast(c.payment_late_30d as double) / nullif(c.payment_due_30d, 0) as payment_late_share_30d,
    cast(c.payment_late_90d as double) / nullif(c.payment_due_90d, 0) as payment_late_share_90d,
    cast(c.payment_late_180d as double) / nullif(c.payment_due_180d, 0) as payment_late_share_180d,
    cast(c.payment_late_365d as double) / nullif(c.payment_due_365d, 0) as payment_late_share_365d,
    round(cast(s.payment_hhi_30d as double), 9) as payment_hhi_30d,
    round(cast(s.payment_hhi_90d as double), 9) as payment_hhi_90d,
    round(cast(s.payment_hhi_180d as double), 9) as payment_hhi_180d,
    round(cast(s.payment_hhi_365d as double), 9) as payment_hhi_365d,
    round(cast(s.payment_top_share_30d as double), 9) as payment_top_share_30d,
    round(cast(s.payment_top_share_90d as double), 9) as payment_top_share_90d,
    round(cast(s.payment_top_share_180d as double), 9) as payment_top_share_180d,
    round(cast(s.payment_top_share_365d as double), 9) as payment_top_share_365d,
    cast(case when d.supplier_payments then coalesce(s.payment_suppliers_30d, 0) end as integer)
        as payment_supplier_count_30d,
    cast(case when d.supplier_payments then coalesce(s.payment_suppliers_90d, 0) end as integer)
        as payment_supplier_count_90d,
    cast(case when d.supplier_payments then coalesce(s.payment_suppliers_180d, 0) end as integer)
        as payment_supplier_count_180d,
    cast(case when d.supplier_payments then coalesce(s.payment_suppliers_365d, 0) end as integer)
        as payment_supplier_count_365d,
    round(cast(s.order_hhi_30d as double), 9) as order_hhi_30d,
    round(cast(s.order_hhi_90d as double), 9) as order_hhi_90d,
    round(cast(s.order_hhi_180d as double), 9) as order_hhi_180d,
    round(cast(s.order_hhi_365d as double), 9) as order_hhi_365d,
    round(cast(s.order_top_share_30d as double), 9) as order_top_share_30d,
    round(cast(s.order_top_share_90d as double), 9) as order_top_share_90d,
    round(cast(s.order_top_share_180d as double), 9) as order_top_share_180d,
    round(cast(s.order_top_share_365d as double), 9) as order_top_share_365d,
    cast(case when d.purchase_orders then coalesce(s.order_suppliers_30d, 0) end as integer)
        as order_supplier_count_30d,
    cast(case when d.purchase_orders then coalesce(s.order_suppliers_90d, 0) end as integer)
        as order_supplier_count_90d,
    cast(case when d.purchase_orders then coalesce(s.order_suppliers_180d, 0) end as integer)
        as order_supplier_count_180d,
    cast(case when d.purchase_orders then coalesce(s.order_suppliers_365d, 0) end as integer)
        as order_supplier_count_365d,
    cast(case when d.stock_counts then coalesce(c.stock_counts_30d, 0) end as integer) as stock_count_30d,
    cast(case when d.stock_counts then coalesce(c.stock_counts_90d, 0) end as integer) as stock_count_90d,
    cast(case when d.stock_counts then coalesce(c.stock_counts_180d, 0) end as integer) as stock_count_180d,
    cast(case when d.stock_counts then coalesce(c.stock_counts_365d, 0) end as integer) as stock_count_365d,
    round(cast(c.turnover_mean_30d as double), 9) as turnover_mean_30d,
    round(cast(c.turnover_mean_90d as double), 9) as turnover_mean_90d,
    round(cast(c.turnover_mean_180d as double), 9) as turnover_mean_180d,
    round(cast(c.turnover_mean_365d as double), 9) as turnover_mean_365d,
    round(cast(c.turnover_std_30d as double), 9) as turnover_std_30d,
    round(cast(c.turnover_std_90d as double), 9) as turnover_std_90d,
    round(cast(c.turnover_std_180d as double), 9) as turnover_std_180d,
    round(cast(c.turnover_std_365d as double), 9) as turnover_std_365d,
    round(cast(c.turnover_std_30d / nullif(c.turnover_mean_30d, 0) as double), 9) as turnover_cv_30d,
    round(cast(c.turnover_std_90d / nullif(c.turnover_mean_90d, 0) as double), 9) as turnover_cv_90d,
    round(cast(c.turnover_std_180d / nullif(c.turnover_mean_180d, 0) as double), 9) as turnover_cv_180d,
    round(cast(c.turnover_std_365d / nullif(c.turnover_mean_365d, 0) as double), 9) as turnover_cv_365d,
    cast(c.business_90d as double) / nullif(c.business_180d - c.business_90d, 0) as event_ratio_90d,
    cast(c.logins_90d as double) / nullif(c.logins_180d - c.logins_90d, 0) as login_ratio_90d,
    cast(c.days_since_last as integer) as event_days_since_last,
    cast(c.login_days_since_last as integer) as login_days_since_last,
    cast(c.stock_days_since_last as integer) as stock_count_days_since_last
from wh.features.feat_profile as p
cross join delivered as d
left join counts as c on p.enterprise_id = c.enterprise_id
left join gaps as g on p.enterprise_id = g.enterprise_id
left join latencies as l on p.enterprise_id = l.enterprise_id
left join suppliers as s on p.enterprise_id = s.enterprise_id
where p.portfolio = $portfolio and p.as_of_date = cast($as_of_date as date)
