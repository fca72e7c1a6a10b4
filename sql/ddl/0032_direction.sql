-- The catalogue says which way a feature points (decision 0102).
alter table wh.ops.feature_catalogue add column direction varchar;
comment on column wh.ops.feature_catalogue.direction is
'up where a higher value means more risk, down where it means less; null where that is not plain, or it is no number';
