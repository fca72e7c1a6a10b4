-- A model whose PDs are sums of points keeps the whole of itself as rows (decision 0098).
create table wh.ops.scorecard (
    portfolio varchar,
    model_family varchar,
    model_version varchar,
    place integer,
    feature varchar,
    bin integer,
    kind varchar,
    lower double,
    upper double,
    levels varchar[],
    borrowers bigint,
    defaults bigint,
    weight_of_evidence double,
    information_value double,
    direction integer,
    weight double,
    points bigint,
    base_points bigint,
    points_to_double bigint,
    anchor_points bigint,
    anchor_odds double,
    slope_low double,
    slope_high double,
    intercept double,
    run_id varchar,
    recorded_at timestamp
);
comment on table wh.ops.scorecard is
'one row per scorecard, feature and bin: all that its PDs are computed from (docs/scorecard.md)';
comment on column wh.ops.scorecard.portfolio is 'key; portfolio';
comment on column wh.ops.scorecard.model_family is 'key; algorithm of the model';
comment on column wh.ops.scorecard.model_version is 'key; version of the model';
comment on column wh.ops.scorecard.place is
'place of the feature on the card, from 1, in the order in which they entered';
comment on column wh.ops.scorecard.feature is 'key; column of features.feat_enterprise';
comment on column wh.ops.scorecard.bin is 'key; number of the bin in the feature, from 1';
comment on column wh.ops.scorecard.kind is
'interval (lower <= value < upper), category (one of levels), other (any other level) or missing';
comment on column wh.ops.scorecard.lower is 'lower bound, inclusive; null in an interval: open';
comment on column wh.ops.scorecard.upper is 'upper bound, exclusive; null in an interval: open';
comment on column wh.ops.scorecard.levels is
'levels of a category, true and false of a flag; of other those that were too rare for a bin of their own';
comment on column wh.ops.scorecard.borrowers is 'rows; of training in the bin';
comment on column wh.ops.scorecard.defaults is 'rows; of training in the bin that defaulted';
comment on column wh.ops.scorecard.weight_of_evidence is
'log of the odds of no default in the bin over those of all training rows, smoothed; positive is safer';
comment on column wh.ops.scorecard.information_value is 'of the feature; the same in each of its rows';
comment on column wh.ops.scorecard.direction is
'1 where the catalogue says that risk rises with the value, -1 where it falls, null where it says nothing';
comment on column wh.ops.scorecard.weight is
'of the feature in the regression of no default on the weights of evidence; the same in each of its rows';
comment on column wh.ops.scorecard.points is
'points; that the bin adds, more is safer: points_to_double / ln 2 * weight * (weight_of_evidence less its mean over '
'the borrowers of the feature), rounded';
comment on column wh.ops.scorecard.base_points is
'points; that every borrower begins with; the same in every row of a model';
comment on column wh.ops.scorecard.points_to_double is
'points; that double the odds of no default, before calibration; the same in every row of a model';
comment on column wh.ops.scorecard.anchor_points is
'points; at the anchor odds, before calibration; the same in every row of a model';
comment on column wh.ops.scorecard.anchor_odds is
'odds of no default to default that earn the anchor points; the same in every row of a model';
comment on column wh.ops.scorecard.slope_low is
'calibration: logit(pd) = slope_low * ln(pd_raw) - slope_high * ln(1 - pd_raw) + intercept; the same in every row';
comment on column wh.ops.scorecard.slope_high is 'calibration, see slope_low; the same in every row of a model';
comment on column wh.ops.scorecard.intercept is 'calibration, see slope_low; the same in every row of a model';
comment on column wh.ops.scorecard.run_id is 'run that registered the model';
comment on column wh.ops.scorecard.recorded_at is 'local time';
