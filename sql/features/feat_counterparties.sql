-- relation: features.feat_counterparties
-- grain: one row per portfolio, as_of_date and enterprise known on as_of_date
-- key: portfolio, as_of_date, enterprise_id
-- time: transactions known by the end of $as_of_date that occurred on or before it; a window of w days ends with
--   as_of_date, 'all' reaches back ten years
-- inputs: staging.stg_transactions, features.feat_profile
-- parameters: portfolio, as_of_date
-- column portfolio: [key] source of the rows
-- column as_of_date: [key] date; the night the row describes
-- column enterprise_id: [key] the lender's key of the enterprise
-- column supplier_hhi_30d: [dependency] index 0..1; Herfindahl-Hirschman index of payments by supplier, 30 days, V_d
--   (Perez-Salazar et al., section 3.3)
-- column supplier_hhi_90d: [dependency] index 0..1; Herfindahl-Hirschman index of payments by supplier, 90 days, V_d
--   (Perez-Salazar et al., section 3.3)
-- column supplier_hhi_180d: [dependency] index 0..1; Herfindahl-Hirschman index of payments by supplier, 180 days,
--   V_d (Perez-Salazar et al., section 3.3)
-- column supplier_hhi_365d: [dependency] index 0..1; Herfindahl-Hirschman index of payments by supplier, 365 days,
--   V_d (Perez-Salazar et al., section 3.3)
-- column supplier_hhi_all: [dependency] index 0..1; Herfindahl-Hirschman index of payments by supplier, known
--   history, V_d (Perez-Salazar et al., section 3.3)
-- column purchase_hhi_30d: [dependency] index 0..1; Herfindahl-Hirschman index of purchases by supplier, 30 days, V_d
--   where invoices stand in for payments (Perez-Salazar et al., section 3.3)
-- column purchase_hhi_90d: [dependency] index 0..1; Herfindahl-Hirschman index of purchases by supplier, 90 days, V_d
--   where invoices stand in for payments (Perez-Salazar et al., section 3.3)
-- column purchase_hhi_180d: [dependency] index 0..1; Herfindahl-Hirschman index of purchases by supplier, 180 days,
--   V_d where invoices stand in for payments (Perez-Salazar et al., section 3.3)
-- column purchase_hhi_365d: [dependency] index 0..1; Herfindahl-Hirschman index of purchases by supplier, 365 days,
--   V_d where invoices stand in for payments (Perez-Salazar et al., section 3.3)
-- column purchase_hhi_all: [dependency] index 0..1; Herfindahl-Hirschman index of purchases by supplier, known
--   history, V_d where invoices stand in for payments (Perez-Salazar et al., section 3.3)
-- column customer_hhi_30d: [dependency] index 0..1; Herfindahl-Hirschman index of sales by customer, 30 days,
--   concentration of income
-- column customer_hhi_90d: [dependency] index 0..1; Herfindahl-Hirschman index of sales by customer, 90 days,
--   concentration of income
-- column customer_hhi_180d: [dependency] index 0..1; Herfindahl-Hirschman index of sales by customer, 180 days,
--   concentration of income
-- column customer_hhi_365d: [dependency] index 0..1; Herfindahl-Hirschman index of sales by customer, 365 days,
--   concentration of income
-- column customer_hhi_all: [dependency] index 0..1; Herfindahl-Hirschman index of sales by customer, known history,
--   concentration of income
-- column supplier_top_share_30d: [dependency] share; largest share in payments by supplier, 30 days (Perez-Salazar et
--   al., section 3.3)
-- column supplier_top_share_90d: [dependency] share; largest share in payments by supplier, 90 days (Perez-Salazar et
--   al., section 3.3)
-- column supplier_top_share_180d: [dependency] share; largest share in payments by supplier, 180 days (Perez-Salazar
--   et al., section 3.3)
-- column supplier_top_share_365d: [dependency] share; largest share in payments by supplier, 365 days (Perez-Salazar
--   et al., section 3.3)
-- column supplier_top_share_all: [dependency] share; largest share in payments by supplier, known history
--   (Perez-Salazar et al., section 3.3)
-- column purchase_top_share_30d: [dependency] share; largest share in purchases by supplier, 30 days (Perez-Salazar
--   et al., section 3.3)
-- column purchase_top_share_90d: [dependency] share; largest share in purchases by supplier, 90 days (Perez-Salazar
--   et al., section 3.3)
-- column purchase_top_share_180d: [dependency] share; largest share in purchases by supplier, 180 days (Perez-Salazar
--   et al., section 3.3)
-- column purchase_top_share_365d: [dependency] share; largest share in purchases by supplier, 365 days (Perez-Salazar
--   et al., section 3.3)
-- column purchase_top_share_all: [dependency] share; largest share in purchases by supplier, known history
--   (Perez-Salazar et al., section 3.3)
-- column customer_top_share_30d: [dependency] share; largest share in sales by customer, 30 days (Perez-Salazar et
--   al., section 3.3)
-- column customer_top_share_90d: [dependency] share; largest share in sales by customer, 90 days (Perez-Salazar et
--   al., section 3.3)
-- column customer_top_share_180d: [dependency] share; largest share in sales by customer, 180 days (Perez-Salazar et
--   al., section 3.3)
-- column customer_top_share_365d: [dependency] share; largest share in sales by customer, 365 days (Perez-Salazar et
--   al., section 3.3)
-- column customer_top_share_all: [dependency] share; largest share in sales by customer, known history (Perez-Salazar
--   et al., section 3.3)
-- column supplier_count_30d: [dependency] count; suppliers that were paid, 30 days
-- column supplier_count_90d: [dependency] count; suppliers that were paid, 90 days
-- column supplier_count_180d: [dependency] count; suppliers that were paid, 180 days
-- column supplier_count_365d: [dependency] count; suppliers that were paid, 365 days
-- column supplier_count_all: [dependency] count; suppliers that were paid, known history
-- column purchase_supplier_count_30d: [dependency] count; suppliers with a purchase, 30 days
-- column purchase_supplier_count_90d: [dependency] count; suppliers with a purchase, 90 days
-- column purchase_supplier_count_180d: [dependency] count; suppliers with a purchase, 180 days
-- column purchase_supplier_count_365d: [dependency] count; suppliers with a purchase, 365 days
-- column purchase_supplier_count_all: [dependency] count; suppliers with a purchase, known history
-- column customer_count_30d: [dependency] count; customers, 30 days
-- column customer_count_90d: [dependency] count; customers, 90 days
-- column customer_count_180d: [dependency] count; customers, 180 days
-- column customer_count_365d: [dependency] count; customers, 365 days
-- column customer_count_all: [dependency] count; customers, known history
-- column counterparty_churn_30d: [behaviour] share; counterparties (customers, suppliers and paid suppliers count
--   apart) of the 30 days before the last 30 days that are not seen in the last 30 days
-- column counterparty_churn_90d: [behaviour] share; counterparties (customers, suppliers and paid suppliers count
--   apart) of the 90 days before the last 90 days that are not seen in the last 90 days
-- column counterparty_churn_180d: [behaviour] share; counterparties (customers, suppliers and paid suppliers count
--   apart) of the 180 days before the last 180 days that are not seen in the last 180 days
-- column counterparty_churn_365d: [behaviour] share; counterparties (customers, suppliers and paid suppliers count
--   apart) of the 365 days before the last 365 days that are not seen in the last 365 days
-- column counterparty_new_share_30d: [behaviour] share; counterparties (customers, suppliers and paid suppliers count
--   apart) of the last 30 days that are not seen in the 30 days before
-- column counterparty_new_share_90d: [behaviour] share; counterparties (customers, suppliers and paid suppliers count
--   apart) of the last 90 days that are not seen in the 90 days before
-- column counterparty_new_share_180d: [behaviour] share; counterparties (customers, suppliers and paid suppliers
--   count apart) of the last 180 days that are not seen in the 180 days before
-- column counterparty_new_share_365d: [behaviour] share; counterparties (customers, suppliers and paid suppliers
--   count apart) of the last 365 days that are not seen in the 365 days before
-- column customer_churn_30d: [behaviour] share; customers of the 30 days before the last 30 days that are not seen in
--   the last 30 days
-- column customer_churn_90d: [behaviour] share; customers of the 90 days before the last 90 days that are not seen in
--   the last 90 days
-- column customer_churn_180d: [behaviour] share; customers of the 180 days before the last 180 days that are not seen
--   in the last 180 days
-- column customer_churn_365d: [behaviour] share; customers of the 365 days before the last 365 days that are not seen
--   in the last 365 days
-- column customer_new_share_30d: [behaviour] share; customers of the last 30 days that are not seen in the 30 days
--   before
-- column customer_new_share_90d: [behaviour] share; customers of the last 90 days that are not seen in the 90 days
--   before
-- column customer_new_share_180d: [behaviour] share; customers of the last 180 days that are not seen in the 180 days
--   before
-- column customer_new_share_365d: [behaviour] share; customers of the last 365 days that are not seen in the 365 days
--   before
-- column supplier_churn_30d: [behaviour] share; suppliers (with purchases and paid ones count apart) of the 30 days
--   before the last 30 days that are not seen in the last 30 days
-- column supplier_churn_90d: [behaviour] share; suppliers (with purchases and paid ones count apart) of the 90 days
--   before the last 90 days that are not seen in the last 90 days
-- column supplier_churn_180d: [behaviour] share; suppliers (with purchases and paid ones count apart) of the 180 days
--   before the last 180 days that are not seen in the last 180 days
-- column supplier_churn_365d: [behaviour] share; suppliers (with purchases and paid ones count apart) of the 365 days
--   before the last 365 days that are not seen in the last 365 days
-- column supplier_new_share_30d: [behaviour] share; suppliers (with purchases and paid ones count apart) of the last
--   30 days that are not seen in the 30 days before
-- column supplier_new_share_90d: [behaviour] share; suppliers (with purchases and paid ones count apart) of the last
--   90 days that are not seen in the 90 days before
-- column supplier_new_share_180d: [behaviour] share; suppliers (with purchases and paid ones count apart) of the last
--   180 days that are not seen in the 180 days before
-- column supplier_new_share_365d: [behaviour] share; suppliers (with purchases and paid ones count apart) of the last
--   365 days that are not seen in the 365 days before
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
    select exists(
        select 1
        from wh.staging.stg_transactions as f
        where
            f.portfolio = $portfolio
            and f.known_at < cast($as_of_date as date) + interval 1 day
    ) as feed
),

-- rows are gathered and sorted by 64 bits of the key, which are narrower than its text; the audit
-- assert_features_hash_unique stops a night in which two enterprises share them. The sides are joined by columns: a
-- constant in the join would be tested on every row of the transactions
enterprises as (
    select
        p.portfolio,
        p.as_of_date,
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
        sum(case when k.days_ago < 30 then k.cents end) as amount_30d,
        sum(case when k.days_ago < 90 then k.cents end) as amount_90d,
        sum(case when k.days_ago < 180 then k.cents end) as amount_180d,
        sum(case when k.days_ago < 365 then k.cents end) as amount_365d,
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
        p.enterprise,
        p.side,
        count(p.amount_30d) as count_30d,
        sum(p.amount_30d) as amount_30d,
        max(p.amount_30d) as top_30d,
        round(sum(p.amount_30d * p.amount_30d) / nullif(sum(p.amount_30d) * sum(p.amount_30d), 0), 6) as hhi_30d,
        count(p.amount_90d) as count_90d,
        sum(p.amount_90d) as amount_90d,
        max(p.amount_90d) as top_90d,
        round(sum(p.amount_90d * p.amount_90d) / nullif(sum(p.amount_90d) * sum(p.amount_90d), 0), 6) as hhi_90d,
        count(p.amount_180d) as count_180d,
        sum(p.amount_180d) as amount_180d,
        max(p.amount_180d) as top_180d,
        round(sum(p.amount_180d * p.amount_180d) / nullif(sum(p.amount_180d) * sum(p.amount_180d), 0), 6) as hhi_180d,
        count(p.amount_365d) as count_365d,
        sum(p.amount_365d) as amount_365d,
        max(p.amount_365d) as top_365d,
        round(sum(p.amount_365d * p.amount_365d) / nullif(sum(p.amount_365d) * sum(p.amount_365d), 0), 6) as hhi_365d,
        count(p.amount_all) as count_all,
        sum(p.amount_all) as amount_all,
        max(p.amount_all) as top_all,
        round(sum(p.amount_all * p.amount_all) / nullif(sum(p.amount_all) * sum(p.amount_all), 0), 6) as hhi_all,
        count(*) filter (where p.seen & 2 > 0) as before_30d,
        count(*) filter (where p.seen & 1 > 0 and p.seen & 2 > 0) as stayed_30d,
        count(*) filter (where p.seen & 56 > 0) as before_90d,
        count(*) filter (where p.seen & 7 > 0 and p.seen & 56 > 0) as stayed_90d,
        count(*) filter (where p.seen & 4032 > 0) as before_180d,
        count(*) filter (where p.seen & 63 > 0 and p.seen & 4032 > 0) as stayed_180d,
        count(*) filter (where p.seen & 8192 > 0) as before_365d,
        count(*) filter (where p.seen & 8191 > 0 and p.seen & 8192 > 0) as stayed_365d
    from pairs as p
    group by
        p.enterprise,
        p.side
)

select
    p.portfolio,
    p.as_of_date,
    p.enterprise_id,
    v.hhi_30d as supplier_hhi_30d,
    v.hhi_90d as supplier_hhi_90d,
    v.hhi_180d as supplier_hhi_180d,
    v.hhi_365d as supplier_hhi_365d,
    v.hhi_all as supplier_hhi_all,
    b.hhi_30d as purchase_hhi_30d,
    b.hhi_90d as purchase_hhi_90d,
    b.hhi_180d as purchase_hhi_180d,
    b.hhi_365d as purchase_hhi_365d,
    b.hhi_all as purchase_hhi_all,
    c.hhi_30d as customer_hhi_30d,
    c.hhi_90d as customer_hhi_90d,
    c.hhi_180d as customer_hhi_180d,
    c.hhi_365d as customer_hhi_365d,
    c.hhi_all as customer_hhi_all,
    v.top_30d / nullif(v.amount_30d, 0) as supplier_top_share_30d,
    v.top_90d / nullif(v.amount_90d, 0) as supplier_top_share_90d,
    v.top_180d / nullif(v.amount_180d, 0) as supplier_top_share_180d,
    v.top_365d / nullif(v.amount_365d, 0) as supplier_top_share_365d,
    v.top_all / nullif(v.amount_all, 0) as supplier_top_share_all,
    b.top_30d / nullif(b.amount_30d, 0) as purchase_top_share_30d,
    b.top_90d / nullif(b.amount_90d, 0) as purchase_top_share_90d,
    b.top_180d / nullif(b.amount_180d, 0) as purchase_top_share_180d,
    b.top_365d / nullif(b.amount_365d, 0) as purchase_top_share_365d,
    b.top_all / nullif(b.amount_all, 0) as purchase_top_share_all,
    c.top_30d / nullif(c.amount_30d, 0) as customer_top_share_30d,
    c.top_90d / nullif(c.amount_90d, 0) as customer_top_share_90d,
    c.top_180d / nullif(c.amount_180d, 0) as customer_top_share_180d,
    c.top_365d / nullif(c.amount_365d, 0) as customer_top_share_365d,
    c.top_all / nullif(c.amount_all, 0) as customer_top_share_all,
    cast(case when d.feed then coalesce(v.count_30d, 0) end as integer) as supplier_count_30d,
    cast(case when d.feed then coalesce(v.count_90d, 0) end as integer) as supplier_count_90d,
    cast(case when d.feed then coalesce(v.count_180d, 0) end as integer) as supplier_count_180d,
    cast(case when d.feed then coalesce(v.count_365d, 0) end as integer) as supplier_count_365d,
    cast(case when d.feed then coalesce(v.count_all, 0) end as integer) as supplier_count_all,
    cast(case when d.feed then coalesce(b.count_30d, 0) end as integer) as purchase_supplier_count_30d,
    cast(case when d.feed then coalesce(b.count_90d, 0) end as integer) as purchase_supplier_count_90d,
    cast(case when d.feed then coalesce(b.count_180d, 0) end as integer) as purchase_supplier_count_180d,
    cast(case when d.feed then coalesce(b.count_365d, 0) end as integer) as purchase_supplier_count_365d,
    cast(case when d.feed then coalesce(b.count_all, 0) end as integer) as purchase_supplier_count_all,
    cast(case when d.feed then coalesce(c.count_30d, 0) end as integer) as customer_count_30d,
    cast(case when d.feed then coalesce(c.count_90d, 0) end as integer) as customer_count_90d,
    cast(case when d.feed then coalesce(c.count_180d, 0) end as integer) as customer_count_180d,
    cast(case when d.feed then coalesce(c.count_365d, 0) end as integer) as customer_count_365d,
    cast(case when d.feed then coalesce(c.count_all, 0) end as integer) as customer_count_all,
    1
    - (coalesce(v.stayed_30d, 0) + coalesce(b.stayed_30d, 0) + coalesce(c.stayed_30d, 0))
    / nullif(cast(coalesce(v.before_30d, 0) + coalesce(b.before_30d, 0) + coalesce(c.before_30d, 0) as double), 0)
        as counterparty_churn_30d,
    1
    - (coalesce(v.stayed_90d, 0) + coalesce(b.stayed_90d, 0) + coalesce(c.stayed_90d, 0))
    / nullif(cast(coalesce(v.before_90d, 0) + coalesce(b.before_90d, 0) + coalesce(c.before_90d, 0) as double), 0)
        as counterparty_churn_90d,
    1
    - (coalesce(v.stayed_180d, 0) + coalesce(b.stayed_180d, 0) + coalesce(c.stayed_180d, 0))
    / nullif(cast(coalesce(v.before_180d, 0) + coalesce(b.before_180d, 0) + coalesce(c.before_180d, 0) as double), 0)
        as counterparty_churn_180d,
    1
    - (coalesce(v.stayed_365d, 0) + coalesce(b.stayed_365d, 0) + coalesce(c.stayed_365d, 0))
    / nullif(cast(coalesce(v.before_365d, 0) + coalesce(b.before_365d, 0) + coalesce(c.before_365d, 0) as double), 0)
        as counterparty_churn_365d,
    1
    - (coalesce(v.stayed_30d, 0) + coalesce(b.stayed_30d, 0) + coalesce(c.stayed_30d, 0))
    / nullif(cast(coalesce(v.count_30d, 0) + coalesce(b.count_30d, 0) + coalesce(c.count_30d, 0) as double), 0)
        as counterparty_new_share_30d,
    1
    - (coalesce(v.stayed_90d, 0) + coalesce(b.stayed_90d, 0) + coalesce(c.stayed_90d, 0))
    / nullif(cast(coalesce(v.count_90d, 0) + coalesce(b.count_90d, 0) + coalesce(c.count_90d, 0) as double), 0)
        as counterparty_new_share_90d,
    1
    - (coalesce(v.stayed_180d, 0) + coalesce(b.stayed_180d, 0) + coalesce(c.stayed_180d, 0))
    / nullif(cast(coalesce(v.count_180d, 0) + coalesce(b.count_180d, 0) + coalesce(c.count_180d, 0) as double), 0)
        as counterparty_new_share_180d,
    1
    - (coalesce(v.stayed_365d, 0) + coalesce(b.stayed_365d, 0) + coalesce(c.stayed_365d, 0))
    / nullif(cast(coalesce(v.count_365d, 0) + coalesce(b.count_365d, 0) + coalesce(c.count_365d, 0) as double), 0)
        as counterparty_new_share_365d,
    1 - (c.stayed_30d) / nullif(cast(c.before_30d as double), 0) as customer_churn_30d,
    1 - (c.stayed_90d) / nullif(cast(c.before_90d as double), 0) as customer_churn_90d,
    1 - (c.stayed_180d) / nullif(cast(c.before_180d as double), 0) as customer_churn_180d,
    1 - (c.stayed_365d) / nullif(cast(c.before_365d as double), 0) as customer_churn_365d,
    1 - (c.stayed_30d) / nullif(cast(c.count_30d as double), 0) as customer_new_share_30d,
    1 - (c.stayed_90d) / nullif(cast(c.count_90d as double), 0) as customer_new_share_90d,
    1 - (c.stayed_180d) / nullif(cast(c.count_180d as double), 0) as customer_new_share_180d,
    1 - (c.stayed_365d) / nullif(cast(c.count_365d as double), 0) as customer_new_share_365d,
    1
    - (coalesce(v.stayed_30d, 0) + coalesce(b.stayed_30d, 0))
    / nullif(cast(coalesce(v.before_30d, 0) + coalesce(b.before_30d, 0) as double), 0) as supplier_churn_30d,
    1
    - (coalesce(v.stayed_90d, 0) + coalesce(b.stayed_90d, 0))
    / nullif(cast(coalesce(v.before_90d, 0) + coalesce(b.before_90d, 0) as double), 0) as supplier_churn_90d,
    1
    - (coalesce(v.stayed_180d, 0) + coalesce(b.stayed_180d, 0))
    / nullif(cast(coalesce(v.before_180d, 0) + coalesce(b.before_180d, 0) as double), 0) as supplier_churn_180d,
    1
    - (coalesce(v.stayed_365d, 0) + coalesce(b.stayed_365d, 0))
    / nullif(cast(coalesce(v.before_365d, 0) + coalesce(b.before_365d, 0) as double), 0) as supplier_churn_365d,
    1
    - (coalesce(v.stayed_30d, 0) + coalesce(b.stayed_30d, 0))
    / nullif(cast(coalesce(v.count_30d, 0) + coalesce(b.count_30d, 0) as double), 0) as supplier_new_share_30d,
    1
    - (coalesce(v.stayed_90d, 0) + coalesce(b.stayed_90d, 0))
    / nullif(cast(coalesce(v.count_90d, 0) + coalesce(b.count_90d, 0) as double), 0) as supplier_new_share_90d,
    1
    - (coalesce(v.stayed_180d, 0) + coalesce(b.stayed_180d, 0))
    / nullif(cast(coalesce(v.count_180d, 0) + coalesce(b.count_180d, 0) as double), 0) as supplier_new_share_180d,
    1
    - (coalesce(v.stayed_365d, 0) + coalesce(b.stayed_365d, 0))
    / nullif(cast(coalesce(v.count_365d, 0) + coalesce(b.count_365d, 0) as double), 0) as supplier_new_share_365d
from enterprises as p
cross join delivered as d
left join sides as c on p.enterprise = c.enterprise and p.sales = c.side
left join sides as b on p.enterprise = b.enterprise and p.purchases = b.side
left join sides as v on p.enterprise = v.enterprise and p.payments = v.side
