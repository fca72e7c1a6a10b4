-- relation: marts.mart_early_warning_judged
-- grain: one row per portfolio, as_of_date, past night and rule: the whole watch list, and each trigger alone
-- key: portfolio, as_of_date, night, rule
-- time: the lists as they were told on the last scored night of each of the twelve newest months whose window of 180
--   days is closed by $as_of_date; outcomes known by its end and dated in (night, night + 180 days]
-- inputs: marts.mart_watch_list, marts.mart_portfolio_summary, scores.portfolio_scores, staging.stg_outcomes,
--   staging.stg_outcome_days
-- parameters: portfolio, as_of_date
-- column portfolio: [key] portfolio
-- column as_of_date: [key] date; what was known by its end counts
-- column night: [key] date; the past night whose list is judged
-- column rule: [key] category; on_watch_list (the whole list) or the name of a trigger, also where it does not suffice
-- column horizon_days: [time] days; length of the window after the night
-- column borrowers: [count] rows; borrowers of the night
-- column in_default: [count] rows; in default that night, by what was known then or by what is known now: left out
-- column outcome_unknown: [count] rows; of the others, those of whom no outcome is known: left out
-- column judged: [count] rows; the others
-- column defaults: [outcome] rows; of these, borrowers more than 90 days past due, charged off or insolvent within the
--   window
-- column base_rate: [rate] share; defaults / judged
-- column listed_unknown: [count] rows; on the list, outcome not known: left out
-- column listed: [rule] rows; of the judged, those on the list
-- column list_share: [rule] share; listed / judged: the length of the list
-- column hits: [outcome] rows; of the listed, those that defaulted within the window
-- column worst_pd_hits: [outcome] rows; of as many of the judged with the highest pd that night, those that defaulted:
--   a rule with fewer hits is worse than the pd alone
-- column added: [rule] rows; of the listed, those that were not on the watch list: whom the rule would add to it
-- column added_hits: [outcome] rows; of these, those that defaulted within the window
-- column next_pd_hits: [outcome] rows; defaults of as many borrowers with the next pd beyond the length of the watch
--   list: who would be added instead
-- column precision: [rate] share; hits / listed
-- column precision_low: [rate] share; lower end of its 95% interval (Wilson)
-- column precision_high: [rate] share; upper end
-- column lift: [rate] ratio; precision / base_rate: how much more often the listed defaulted than everybody
-- column recall: [rate] share; hits / defaults: defaults that had been on the list
-- column recall_low: [rate] share; lower end of its 95% interval (Wilson)
-- column recall_high: [rate] share; upper end
-- column lead_days_q1: [time] days; lower quartile, over the hits, of the days from the first night on the list to the
--   default; the first of the scored nights in a row up to the night, of those at most 365 days before it
-- column lead_days_median: [time] days; median of the same
-- column lead_days_q3: [time] days; upper quartile of the same
-- column note: [text] why figures of the row are null; null where none is
-- Wilson (1927), Probable inference, JASA 22, 209-212. It takes borrowers as independent: in a recession they are not,
-- and windows of neighbouring months overlap, so twelve rows are not twelve samples.
-- A borrower of whom no outcome was ever delivered is not known to be good. A window that the outcomes stopped before
-- is not known either, by the rule of features.feat_label; then nothing of its night is told.
{# of none or of all the ends would lie a last digit beyond 0 and 1 #}
{% macro wilson(hits, of, sign, nearest) -%}
{{ nearest }}(
                    {{ "0" if nearest == "greatest" else "1" }},
                    ({{ hits }} + r.z * r.z / 2 {{ sign }} r.z * sqrt({{ hits }} * ({{ of }} - {{ hits }}) / {{ of }} + r.z * r.z / 4))
                    / ({{ of }} + r.z * r.z)
                )
{%- endmacro %}

with setting as (
    select
        -- half a year: late enough for what a trigger announces, soon enough to be told within a year
        180 as horizon_days,
        12 as vintages,
        365 as days_before
),

rules as (
    select unnest([
        'on_watch_list', 'high_pd', 'data_trouble', 'worse_than_sector', 'activity_gap', 'hhi_jump', 'supplier_latency',
        'new_defendant'
    ]) as rule
),

last_told as (
    select
        max(told_on) as told_on,
        max(told_until) as told_until,
        coalesce(arg_max(usual_pause, told_on), 0) as usual_pause
    from wh.staging.stg_outcome_days
    where portfolio = $portfolio and told_on <= cast($as_of_date as date)
),

-- the summary holds few rows a night: the list of nights stays cheap however long the history is
scored_nights as (
    select
        as_of_date,
        row_number() over (order by as_of_date) as place
    from (select distinct as_of_date from wh.marts.mart_portfolio_summary where portfolio = $portfolio) as n
    where as_of_date <= cast($as_of_date as date)
),

months as (
    select
        max(n.as_of_date) as night,
        row_number() over (order by max(n.as_of_date) desc) as number
    from scored_nights as n
    cross join setting as s
    where n.as_of_date + s.horizon_days <= cast($as_of_date as date)
    group by date_trunc('month', n.as_of_date)
),

vintages as (
    select
        m.night,
        m.number,
        case
            when t.told_on is null then 'no outcomes with dates were delivered'
            when
                m.night + s.horizon_days - t.told_on > t.usual_pause
                or (m.night + s.horizon_days - t.told_until) * 3 > s.horizon_days
                then 'the outcomes stopped on ' || t.told_on || ', before the window closed'
        end as untold
    from months as m
    cross join setting as s
    cross join last_told as t
    where m.number <= s.vintages
),

-- a night each, so that the nights between them are left unread
headlines as (
{% for number in range(1, 13) %}
    select
        as_of_date as night,
        enterprise_id,
        in_default,
        pd
    from wh.scores.portfolio_scores
    where
        portfolio = $portfolio
        and model_role = 'champion'
        and as_of_date = (select v.night from vintages as v where v.number = {{ number }})
    {% if not loop.last %}
    union all
    {% endif %}
{% endfor %}
),

known as (
    select
        enterprise_id,
        coalesce(loan_id, '') as loan_id,
        outcome_date,
        coalesce(days_past_due > 90, false) as past_due,
        coalesce(charge_off, false) or coalesce(insolvency, false) as final
    from wh.staging.stg_outcomes
    where
        portfolio = $portfolio
        and known_at < cast($as_of_date as date) + interval 1 day
        and (known_to is null or known_to >= cast($as_of_date as date) + interval 1 day)
),

told as (select distinct enterprise_id from known),

-- only loans that were ever in default say something about a default
bad as (
    select distinct
        enterprise_id,
        loan_id
    from known
    where past_due or final
),

loans as (
    select
        v.night,
        k.enterprise_id,
        coalesce(arg_max(k.past_due, k.outcome_date) filter (where k.outcome_date <= v.night), false)
        or coalesce(bool_or(k.final) filter (where k.outcome_date <= v.night), false) as in_default,
        min(k.outcome_date) filter (
            where (k.past_due or k.final) and k.outcome_date > v.night and k.outcome_date <= v.night + s.horizon_days
        ) as default_date
    from known as k
    inner join bad as b on k.enterprise_id = b.enterprise_id and k.loan_id = b.loan_id
    cross join vintages as v
    cross join setting as s
    group by
        v.night,
        k.enterprise_id,
        k.loan_id
),

defaulters as (
    select
        night,
        enterprise_id,
        bool_or(in_default) as in_default,
        min(default_date) as default_date
    from loans
    group by
        night,
        enterprise_id
),

borrowers as (
    select
        h.night,
        h.enterprise_id,
        h.pd,
        coalesce(h.in_default, false) or coalesce(d.in_default, false) as in_default,
        t.enterprise_id is not null and v.untold is null as is_known,
        d.default_date
    from headlines as h
    inner join vintages as v on h.night = v.night
    left join told as t on h.enterprise_id = t.enterprise_id
    left join defaulters as d on h.night = d.night and h.enterprise_id = d.enterprise_id
),

totals as (
    select
        night,
        count(*) as borrowers,
        count(*) filter (where in_default) as in_default,
        count(*) filter (where not in_default and not is_known) as outcome_unknown,
        count(*) filter (where not in_default and is_known) as judged,
        count(*) filter (where not in_default and is_known and default_date is not null) as defaults
    from borrowers
    group by night
),

-- the worst pd first, and the defaults up to each place
ranked as (
    select
        night,
        row_number() over worst_first as place,
        count(default_date) over worst_first as defaults
    from borrowers
    where not in_default and is_known
    window worst_first as (partition by night order by pd desc nulls last, enterprise_id asc rows unbounded preceding)
),

-- each rule that marked a borrower, a row
marked as (
    select
        w.as_of_date,
        w.enterprise_id,
        w.on_watch_list,
        unnest(string_split(concat_ws(', ', case when w.on_watch_list then 'on_watch_list' end, w.why), ', ')) as rule
    from wh.marts.mart_watch_list as w
    where
        w.portfolio = $portfolio
        and w.as_of_date >= (select min(v.night) - max(s.days_before) from vintages as v cross join setting as s)
        and w.as_of_date <= (select max(v.night) from vintages as v)
),

listed as (
    select
        m.as_of_date as night,
        m.rule,
        m.on_watch_list,
        b.enterprise_id,
        b.is_known,
        b.default_date
    from marked as m
    inner join borrowers as b on m.as_of_date = b.night and m.enterprise_id = b.enterprise_id
    where not b.in_default
),

-- nights in a row have the same difference between their place among all nights and among those of the borrower
marked_in_rows as (
    select
        m.rule,
        m.enterprise_id,
        m.as_of_date,
        n.place - row_number() over (partition by m.rule, m.enterprise_id order by m.as_of_date) as run
    from marked as m
    inner join scored_nights as n on m.as_of_date = n.as_of_date
    inner join (select distinct enterprise_id from listed where default_date is not null) as h
        on m.enterprise_id = h.enterprise_id
),

leads as (
    select
        l.night,
        l.rule,
        l.enterprise_id,
        any_value(l.default_date) - min(e.as_of_date) as lead_days
    from listed as l
    inner join marked_in_rows as m
        on l.rule = m.rule and l.enterprise_id = m.enterprise_id and l.night = m.as_of_date
    inner join marked_in_rows as e on m.rule = e.rule and m.enterprise_id = e.enterprise_id and m.run = e.run
    cross join setting as s
    where
        l.is_known
        and l.default_date is not null
        and e.as_of_date <= l.night
        and e.as_of_date >= l.night - s.days_before
    group by
        l.night,
        l.rule,
        l.enterprise_id
),

lead_times as (
    select
        night,
        rule,
        quantile_cont(lead_days, [0.25, 0.5, 0.75]) as lead_days
    from leads
    group by
        night,
        rule
),

counted as (
    select
        night,
        rule,
        count(*) filter (where not is_known) as listed_unknown,
        count(*) filter (where is_known) as listed,
        count(*) filter (where is_known and default_date is not null) as hits,
        count(*) filter (where is_known and not on_watch_list) as added,
        count(*) filter (where is_known and not on_watch_list and default_date is not null) as added_hits
    from listed
    group by
        night,
        rule
),

judged as (
    select
        v.night,
        v.untold,
        r.rule,
        t.borrowers,
        t.in_default,
        t.outcome_unknown,
        t.judged,
        t.defaults,
        coalesce(c.listed_unknown, 0) as listed_unknown,
        coalesce(c.listed, 0) as listed,
        coalesce(c.hits, 0) as hits,
        coalesce(c.added, 0) as added,
        coalesce(c.added_hits, 0) as added_hits,
        coalesce(max(c.listed) filter (where r.rule = 'on_watch_list') over (partition by v.night), 0) as list_length,
        v.night in (select m.as_of_date from marked as m) as is_kept,
        1.959963984540054 as z
    from vintages as v
    cross join rules as r
    inner join totals as t on v.night = t.night
    left join counted as c on v.night = c.night and r.rule = c.rule
)

select
    cast($portfolio as varchar) as portfolio,
    cast($as_of_date as date) as as_of_date,
    r.night,
    r.rule,
    s.horizon_days,
    r.borrowers,
    r.in_default,
    r.outcome_unknown,
    r.judged,
    r.defaults,
    r.defaults / nullif(r.judged, 0) as base_rate,
    case when r.is_kept then r.listed_unknown end as listed_unknown,
    case when r.is_kept then r.listed end as listed,
    case when r.is_kept then r.listed / nullif(r.judged, 0) end as list_share,
    case when r.is_kept then r.hits end as hits,
    case when r.is_kept then coalesce(k.defaults, 0) end as worst_pd_hits,
    case when r.is_kept then r.added end as added,
    case when r.is_kept then r.added_hits end as added_hits,
    case when r.is_kept then coalesce(n.defaults, 0) - coalesce(o.defaults, 0) end as next_pd_hits,
    r.hits / nullif(r.listed, 0) as precision,
    case
        when r.listed > 0
            then
                {{ wilson("r.hits", "r.listed", "-", "greatest") }}
    end as precision_low,
    case
        when r.listed > 0
            then
                {{ wilson("r.hits", "r.listed", "+", "least") }}
    end as precision_high,
    r.hits / nullif(r.listed, 0) / nullif(r.defaults / nullif(r.judged, 0), 0) as lift,
    case when r.listed > 0 then r.hits / nullif(r.defaults, 0) end as recall,
    case
        when r.listed > 0 and r.defaults > 0
            then
                {{ wilson("r.hits", "r.defaults", "-", "greatest") }}
    end as recall_low,
    case
        when r.listed > 0 and r.defaults > 0
            then
                {{ wilson("r.hits", "r.defaults", "+", "least") }}
    end as recall_high,
    l.lead_days[1] as lead_days_q1,
    l.lead_days[2] as lead_days_median,
    l.lead_days[3] as lead_days_q3,
    case
        when r.untold is not null then r.untold
        when not r.is_kept then 'no list of that night was kept, or no trigger marked anybody'
        when r.judged = 0 then 'of nobody is an outcome known'
        when r.defaults = 0 then 'nobody defaulted in the window'
        when r.listed = 0 then 'marked nobody whose outcome is known; some triggers need earlier nights'
        when r.hits = 0 then 'nobody that it marked defaulted'
    end as note
from judged as r
cross join setting as s
left join ranked as k on r.night = k.night and r.listed = k.place
left join ranked as o on r.night = o.night and r.list_length = o.place
left join ranked as n on r.night = n.night and least(r.list_length + r.added, r.judged) = n.place
left join lead_times as l on r.night = l.night and r.rule = l.rule
