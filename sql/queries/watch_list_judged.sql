-- question: Was the watch list right: precision, recall and days before the default, of the list and of each trigger?
-- columns: portfolio, night, rule, listed, hits, worst_pd_hits, precision, recall, lead_days_median, note
select
    portfolio,
    night,
    rule,
    listed,
    hits,
    worst_pd_hits,
    precision,
    recall,
    lead_days_median,
    note
from marts.mart_early_warning_judged
where as_of_date = (select max(as_of_date) from marts.mart_early_warning_judged)
order by portfolio asc, night desc, rule = 'on_watch_list' desc, rule asc
