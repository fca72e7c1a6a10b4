-- relation: features.feat_coverage
-- grain: one row per portfolio, as_of_date and enterprise known on as_of_date
-- key: portfolio, as_of_date, bucket, enterprise_id
-- time: the features of $as_of_date
-- lookback: 390 days
-- inputs: features.feat_profile, features.feat_ledger, features.feat_legal, features.feat_opinions,
--   features.feat_transactions, features.feat_operations
-- parameters: portfolio, as_of_date
-- inherit features.feat_profile: portfolio, as_of_date, bucket, enterprise_id
-- column coverage: [key] category; thick, transaction, thin or unscoreable: the first rule that holds
-- column coverage_rule: [key] text; the rule that decided
-- A borrower is offered to the model families that its data can feed: thick = voting ensemble, transaction = wide and
-- deep, thin = operational risk.
with classes as (
    select
        p.portfolio,
        p.as_of_date,
        p.bucket,
        p.enterprise_id,
        case
            when
                l.ledger_days_since_last is not null
                and (
                    coalesce(g.legal_days_since_last, o.opinion_days_since_last) is not null
                    or l.days_overdue_max is not null
                )
                then 'thick'
            when
                t.tx_count_365d >= 10
                then 'transaction'
            when
                f.event_count_365d >= 10 or t.tx_count_365d >= 3
                then 'thin'
            else 'unscoreable'
        end as coverage
    from wh.features.feat_profile as p
    left join wh.features.feat_ledger as l
        on p.portfolio = l.portfolio and p.as_of_date = l.as_of_date and p.enterprise_id = l.enterprise_id
    left join wh.features.feat_legal as g
        on p.portfolio = g.portfolio and p.as_of_date = g.as_of_date and p.enterprise_id = g.enterprise_id
    left join wh.features.feat_opinions as o
        on p.portfolio = o.portfolio and p.as_of_date = o.as_of_date and p.enterprise_id = o.enterprise_id
    left join wh.features.feat_transactions as t
        on p.portfolio = t.portfolio and p.as_of_date = t.as_of_date and p.enterprise_id = t.enterprise_id
    left join wh.features.feat_operations as f
        on p.portfolio = f.portfolio and p.as_of_date = f.as_of_date and p.enterprise_id = f.enterprise_id
    where p.portfolio = $portfolio and p.as_of_date = cast($as_of_date as date)
)

select
    c.portfolio,
    c.as_of_date,
    c.bucket,
    c.enterprise_id,
    cast(c.coverage as varchar) as coverage,
    cast(case c.coverage
        when
            'thick'
            then 'a loan ledger row, and a legal case, an opinion or a record of days past due, in 390 days'
        when 'transaction' then 'at least 10 transactions in 365 days'
        when 'thin' then 'at least 10 operational events, or 3 to 9 transactions, in 365 days'
        else 'none of the rules for thick, transaction and thin files'
    end as varchar) as coverage_rule
from classes as c
