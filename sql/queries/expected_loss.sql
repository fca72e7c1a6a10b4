-- question: What do we expect to lose by sector, if 60% of what is drawn is lost and a tenth more is drawn by then?
-- columns: portfolio, industry_primary, exposure, expected_loss, loss_rate
select
    portfolio,
    industry_primary,
    sum(exposure) as exposure,
    sum(expected_loss) as expected_loss,
    sum(expected_loss) / nullif(sum(cast(exposure as double)), 0) as loss_rate
from marts.expected_loss(lgd := 0.6, ead_factor := 1.1)
group by all
order by all
