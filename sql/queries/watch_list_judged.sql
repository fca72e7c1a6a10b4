-- question: Was the watch list right: precision, recall and days before the default, of the list and of each trigger?
-- columns: portfolio, night, rule, listed, hits, worst_pd_hits, precision, recall, lead_days_median, note
select
    j.portfolio,
    j.night,
    j.rule,
    j.listed,
    j.hits,
    j.worst_pd_hits,
    j.precision,
    j.recall,
    j.lead_days_median,
    j.note
from marts.mart_early_warning_judged as j
where j.as_of_date = (select max(s.as_of_date) from marts.mart_portfolio_summary as s where s.portfolio = j.portfolio)
order by j.portfolio asc, j.night desc, j.rule = 'on_watch_list' desc, j.rule asc
