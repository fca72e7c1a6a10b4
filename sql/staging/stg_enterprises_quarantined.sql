-- relation: staging.stg_enterprises_quarantined
-- grain: one row per quarantined row of the feed enterprises whose enterprise can be read
-- key: portfolio, enterprise_id, path, file_row
-- time: known_at and valid_from as the row says them, null where they cannot be read
-- inputs: ops.quarantine
-- parameters: none
-- column portfolio: [key] whose rows these are
-- column enterprise_id: [key] the borrower that the row is about, as the lender numbers it
-- column path: [key] path of the file below the landing folder
-- column file_row: [key] number of the data row in the file, from 1
-- column valid_from: [time] date; from which the description would have held
-- column known_at: [time] when the lender knew it; the start of valid_from where the row does not say
-- column rule: [quarantine] rule that the row breaks
-- column run_id: [key] the run that set it aside
-- A row whose key is damaged, or only looks like that of another borrower, is about no borrower: it makes no ghost.
-- A corrected file takes the rows of its predecessor out of quarantine, so what is here still waits.
with said as (
    select
        portfolio,
        path,
        file_row,
        rule,
        run_id,
        case when json_valid(raw_text) then json_extract_string(raw_text, '$.enterprise_id') end as enterprise_id,
        case when json_valid(raw_text) then json_extract_string(raw_text, '$.valid_from') end as valid_from,
        case when json_valid(raw_text) then json_extract_string(raw_text, '$.known_at') end as known_at
    from wh.ops.quarantine
    where feed = 'enterprises' and rule not in ('similar_key', 'damaged_key')
)

select
    portfolio,
    enterprise_id,
    path,
    file_row,
    try_cast(valid_from as date) as valid_from,
    coalesce(try_cast(known_at as timestamp), try_cast(valid_from as timestamp)) as known_at,
    rule,
    run_id
from said
where enterprise_id is not null and enterprise_id <> ''
