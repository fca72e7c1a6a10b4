-- relation: features.feat_profile
-- grain: one row per portfolio, as_of_date and enterprise known on as_of_date
-- key: portfolio, as_of_date, bucket, enterprise_id
-- time: enterprise versions known by the end of $as_of_date and valid on it; the latest valid_from counts
-- inputs: staging.stg_enterprises
-- parameters: portfolio, as_of_date
-- column portfolio: [key] source of the rows
-- column as_of_date: [key] date; the night the row describes
-- column bucket: [key] 0 to 4095; by the MD5 of enterprise_id: who is computed together, on any machine
-- column enterprise_id: [key] the lender's key of the enterprise
-- column legal_form: [profile] category; organisational form, 'business type' (Yang & Xiao, Table 1)
-- column natural_person: [profile] true for sole traders and other natural persons (duties for natural persons hang
--   on it)
-- column industry_primary: [profile] category; first industry level (Vanhoeven & Chen type 1; Yang & Xiao, Table 1)
-- column industry_secondary: [profile] category; second industry level (Vanhoeven & Chen type 1)
-- column region: [profile] category; region of registration (Vanhoeven & Chen type 1)
-- column city: [profile] category; city of registration, an input of their crosses (Vanhoeven & Chen types 1 and 2)
-- column founded_on: [profile] date; day of foundation
-- column employees: [profile] count; employees (Yang & Xiao, Table 1)
-- column registered_capital: [profile] money; registered capital (Yang & Xiao, Table 1)
-- column state_holding: [profile] true for state or collective holding, 'holding subject' (Yang & Xiao, Table 1)
-- column absolute_holding: [profile] true for absolute holding, 'nature of holding' (Yang & Xiao, Table 1)
-- column urban: [profile] true for urban, false for rural (Yang & Xiao, Table 1)
-- column identity_verified: [profile] real-name verification passed (Vanhoeven & Chen types 1 and 2)
-- column bank_account_verified: [profile] bank account validated (Vanhoeven & Chen type 1)
-- column business_age_years: [profile] years of 365.25 days; foundation to as_of_date, at most 3
-- Older firms are all 3 years old: beyond its first years the age of a firm tells the calendar.
select
    cast(e.portfolio as varchar) as portfolio,
    cast($as_of_date as date) as as_of_date,
    cast(md5_number_lower(e.enterprise_id) % 4096 as smallint) as bucket,
    cast(e.enterprise_id as varchar) as enterprise_id,
    cast(e.legal_form as varchar) as legal_form,
    cast(e.natural_person as boolean) as natural_person,
    cast(e.industry_primary as varchar) as industry_primary,
    cast(e.industry_secondary as varchar) as industry_secondary,
    cast(e.region as varchar) as region,
    cast(e.city as varchar) as city,
    cast(e.founded_on as date) as founded_on,
    cast(e.employees as integer) as employees,
    cast(e.registered_capital as double) as registered_capital,
    cast(e.state_holding as boolean) as state_holding,
    cast(e.absolute_holding as boolean) as absolute_holding,
    cast(e.urban as boolean) as urban,
    cast(e.identity_verified as boolean) as identity_verified,
    cast(e.bank_account_verified as boolean) as bank_account_verified,
    case
        when e.founded_on is not null
            then least(cast((cast($as_of_date as date) - e.founded_on) / 365.25 as double), 3)
    end as business_age_years
from wh.staging.stg_enterprises as e
where
    e.portfolio = $portfolio
    and e.known_at < cast($as_of_date as date) + interval 1 day
    and (e.known_to is null or e.known_to >= cast($as_of_date as date) + interval 1 day)
    and e.valid_from <= cast($as_of_date as date)
qualify row_number() over (partition by e.enterprise_id order by e.valid_from desc, e.known_at desc) = 1
