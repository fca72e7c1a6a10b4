-- question: Why is the allowance another than on the night before, part by part?
-- columns: as_of_date, against_date, part, change, loans
with parts as (
    unpivot (
        select
            as_of_date,
            against_date,
            loan_id,
            enterprise_id,
            new,
            repaid,
            written_off,
            measured,
            restated,
            exposure,
            pd,
            model,
            scenarios,
            parameters,
            moved_stage
        from marts.mart_allowance_changes
        where against_date is not null
    )
    on new, repaid, written_off, measured, restated, exposure, pd, model, scenarios, parameters, moved_stage
    into name part value change
)

select
    as_of_date,
    against_date,
    part,
    sum(change) as change,
    count(*) as loans
from parts
where change <> 0
group by as_of_date, against_date, part
order by as_of_date desc, abs(sum(change)) desc, part
