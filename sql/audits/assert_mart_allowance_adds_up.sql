-- audit: assert_mart_allowance_adds_up
-- grain: one row per sum that is not what it must be: a loan whose parts are not its change, a total that differs
--   between losses and mart, or a movement that does not lead from the stored allowance of the earlier night
-- inputs: scores.expected_credit_losses, scores.impairment_parameters, marts.mart_allowance,
--   marts.mart_allowance_changes
-- parameters: portfolio, as_of_date

with earlier as (
    select max(p.as_of_date) as as_of_date
    from wh.scores.impairment_parameters as p
    where p.portfolio = $portfolio and p.as_of_date < cast($as_of_date as date)
),

totals as (
    select
        (
            select coalesce(sum(l.allowance), 0)
            from wh.scores.expected_credit_losses as l
            where l.portfolio = $portfolio and l.as_of_date = cast($as_of_date as date)
        ) as tonight,
        (
            select coalesce(sum(b.allowance), 0)
            from wh.scores.expected_credit_losses as b
            where b.portfolio = $portfolio and b.as_of_date = (select e.as_of_date from earlier as e)
        ) as before,
        (
            select coalesce(sum(m.allowance), 0)
            from wh.marts.mart_allowance as m
            where m.portfolio = $portfolio and m.as_of_date = cast($as_of_date as date)
        ) as by_stage
),

parts as (
    select
        c.loan_id,
        coalesce(c.allowance, 0) - coalesce(c.allowance_before, 0) as change,
        c.new + c.repaid + c.written_off + c.measured + c.restated + c.exposure + c.pd + c.model + c.scenarios
        + c.parameters + c.moved_stage as told
    from wh.marts.mart_allowance_changes as c
    where c.portfolio = $portfolio and c.as_of_date = cast($as_of_date as date)
)

select
    'loan ' || p.loan_id as what,
    p.change as must_be,
    p.told as is_now
from parts as p
where p.change <> p.told or p.told is null
union all
select
    'movement since the night before' as what,
    t.tonight - t.before as must_be,
    (select coalesce(sum(p.told), 0) from parts as p) as is_now
from totals as t
where t.tonight - t.before <> (select coalesce(sum(p.told), 0) from parts as p)
union all
select
    'mart_allowance' as what,
    t.tonight as must_be,
    t.by_stage as is_now
from totals as t
where t.tonight <> t.by_stage
