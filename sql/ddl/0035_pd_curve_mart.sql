-- The mart of curves is a view from now on (decision 0107).
drop table if exists wh.marts.mart_pd_curve;
