-- relation: scores.loan_originations
-- grain: one row per portfolio, night and loan whose origination became known that night: what was thought of its
--   borrower when it began
-- key: portfolio, as_of_date, loan_id, enterprise_id
-- time: the ledger and the scores as known by the end of $as_of_date; a loan that an earlier night has written is not
--   written again; loans are current as in scores.loan_stages
-- inputs: scores.loan_originations, scores.impairment_parameters, scores.portfolio_scores, scores.pd_curves,
--   staging.stg_loan_ledger
-- parameters: portfolio, as_of_date
-- column portfolio: [key] portfolio
-- column as_of_date: [key] date; the night that wrote the row, the first on which the ledger named the loan and its
--   borrower had a score; of several rows of a loan the earliest counts
-- column loan_id: [key] loan
-- column enterprise_id: [key] borrower
-- column opened_on: [ledger] date; opening of the loan
-- column origination_night: [score] date; first night on or after opened_on with a fresh pd of the borrower
-- column origination_gap_days: [score] days; origination_night less opened_on
-- column pd: [score] probability; of the borrower on origination_night, within the horizon of its model
-- column grade: [score] grade on origination_night
-- column model_family: [score] family of the model that gave the pd
-- column model_version: [score] its version
-- column cumulative_pd: [score] probability; of default by month 1 to 60 after origination_night, null where none
--   was learnt for the borrower, or the night is so old that its curves lie in Parquet

with written as (
    select
        o.loan_id,
        o.enterprise_id
    from wh.scores.loan_originations as o
    where o.portfolio = $portfolio and o.as_of_date < cast($as_of_date as date)
),

loans as (
    select
        k.loan_id,
        k.enterprise_id,
        k.opened_on
    from wh.staging.stg_loan_ledger as k
    where
        k.portfolio = $portfolio
        and k.known_at < cast($as_of_date as date) + interval 1 day
        and (k.known_to is null or k.known_to >= cast($as_of_date as date) + interval 1 day)
        and k.ledger_date <= cast($as_of_date as date)
        and cast($as_of_date as date) - k.ledger_date <= (
            select p.ledger_days
            from wh.scores.impairment_parameters as p
            where p.portfolio = $portfolio and p.as_of_date = cast($as_of_date as date)
        )
    qualify row_number() over (partition by k.enterprise_id, k.loan_id order by k.ledger_date desc, k.known_at desc) = 1
),

firsts as (
    select
        l.enterprise_id,
        l.loan_id,
        any_value(l.opened_on) as opened_on,
        min(s.as_of_date) as origination_night
    from loans as l
    anti join written as w on l.enterprise_id = w.enterprise_id and l.loan_id = w.loan_id
    inner join wh.scores.portfolio_scores as s
        on l.enterprise_id = s.enterprise_id and l.opened_on <= s.as_of_date
    where
        s.portfolio = $portfolio
        and s.as_of_date <= cast($as_of_date as date)
        and s.model_role = 'champion'
        and s.score_status = 'fresh'
    group by
        l.enterprise_id,
        l.loan_id
)

select
    s.portfolio,
    cast($as_of_date as date) as as_of_date,
    f.loan_id,
    f.enterprise_id,
    f.opened_on,
    f.origination_night,
    cast(f.origination_night - f.opened_on as integer) as origination_gap_days,
    s.pd,
    s.grade,
    s.model_family,
    s.model_version,
    c.cumulative_pd
from firsts as f
inner join wh.scores.portfolio_scores as s
    on
        f.enterprise_id = s.enterprise_id
        and f.origination_night = s.as_of_date
        and s.portfolio = $portfolio
        and s.model_role = 'champion'
left join wh.scores.pd_curves as c
    on
        f.enterprise_id = c.enterprise_id
        and f.origination_night = c.as_of_date
        and c.portfolio = $portfolio
        and c.shape = 'learnt'
