-- relation: features.feat_enterprise
-- grain: one row per portfolio, as_of_date and enterprise known on as_of_date
-- key: portfolio, as_of_date, bucket, enterprise_id
-- time: the features of each as_of_date
-- inputs: features.feat_profile, features.feat_coverage, features.feat_ledger, features.feat_transactions,
--   features.feat_counterparties, features.feat_operations, features.feat_legal, features.feat_opinions
-- parameters: none
-- inherit features.feat_profile: portfolio, as_of_date, bucket, enterprise_id
-- column coverage: [key] category; thick, transaction, thin or unscoreable (rule in feat_coverage)
-- inherit features.feat_profile: all
-- inherit features.feat_ledger: all
-- inherit features.feat_transactions: all
-- inherit features.feat_counterparties: all
-- inherit features.feat_operations: all
-- inherit features.feat_legal: all
-- inherit features.feat_opinions: all
-- The one relation that models read: everything but the sensitive fields and the labels. It is a view: a copy of every
-- column took a tenth of a night's feature build. Rows of feat_coverage are written last, after the audits, so that an
-- enterprise is seen here only once the whole of its night has passed.
select
    p.portfolio,
    p.as_of_date,
    p.bucket,
    p.enterprise_id,
    v.coverage,
    p.* exclude (portfolio, as_of_date, bucket, enterprise_id),
    l.* exclude (portfolio, as_of_date, bucket, enterprise_id),
    t.* exclude (portfolio, as_of_date, bucket, enterprise_id),
    c.* exclude (portfolio, as_of_date, bucket, enterprise_id),
    f.* exclude (portfolio, as_of_date, bucket, enterprise_id),
    g.* exclude (portfolio, as_of_date, bucket, enterprise_id),
    o.* exclude (portfolio, as_of_date, bucket, enterprise_id)
from wh.features.feat_profile as p
inner join wh.features.feat_coverage as v
    on
        p.portfolio = v.portfolio and p.as_of_date = v.as_of_date
        and p.bucket = v.bucket and p.enterprise_id = v.enterprise_id
inner join wh.features.feat_ledger as l
    on
        p.portfolio = l.portfolio and p.as_of_date = l.as_of_date
        and p.bucket = l.bucket and p.enterprise_id = l.enterprise_id
inner join wh.features.feat_transactions as t
    on
        p.portfolio = t.portfolio and p.as_of_date = t.as_of_date
        and p.bucket = t.bucket and p.enterprise_id = t.enterprise_id
inner join wh.features.feat_counterparties as c
    on
        p.portfolio = c.portfolio and p.as_of_date = c.as_of_date
        and p.bucket = c.bucket and p.enterprise_id = c.enterprise_id
inner join wh.features.feat_operations as f
    on
        p.portfolio = f.portfolio and p.as_of_date = f.as_of_date
        and p.bucket = f.bucket and p.enterprise_id = f.enterprise_id
inner join wh.features.feat_legal as g
    on
        p.portfolio = g.portfolio and p.as_of_date = g.as_of_date
        and p.bucket = g.bucket and p.enterprise_id = g.enterprise_id
inner join wh.features.feat_opinions as o
    on
        p.portfolio = o.portfolio and p.as_of_date = o.as_of_date
        and p.bucket = o.bucket and p.enterprise_id = o.enterprise_id
