-- question: What may we tell each borrower of the worst two grades about its number?
-- columns: enterprise_id, natural_person, told_rank, sentence
select
    r.enterprise_id,
    m.natural_person,
    r.told_rank,
    r.sentence
from marts.mart_reasons as r
inner join marts.mart_portfolio_latest as m on r.portfolio = m.portfolio and r.enterprise_id = m.enterprise_id
where r.told_rank is not null and marts.notch_of(m.grade) >= 9
order by r.enterprise_id asc, r.told_rank asc
