-- What the number means: the master scale, the feature catalogue, how strong each reason is.
create table wh.ops.master_scale (
    notch integer,
    grade varchar,
    pd_below double,
    points_to_double double,
    base_points double,
    base_odds double
);
comment on table wh.ops.master_scale is
'one row per grade, fixed: a model with another scale is refused; marts.grade_of and marts.points_of say it in SQL';
comment on column wh.ops.master_scale.notch is 'key; 1 is the best grade';
comment on column wh.ops.master_scale.grade is 'name of the grade';
comment on column wh.ops.master_scale.pd_below is
'probability; the grade holds every pd below this one and not below that of the grade before; null for the last grade';
comment on column wh.ops.master_scale.points_to_double is
'points that double the odds of no default; the same in every row';
comment on column wh.ops.master_scale.base_points is 'points at the base odds; the same in every row';
comment on column wh.ops.master_scale.base_odds is
'odds of no default to default that earn the base points; the same in every row';
-- the scale that every model has carried so far; another one is another migration
insert into wh.ops.master_scale
select
    unnest(range(1, 11)) as notch,
    unnest(['A1', 'A2', 'B1', 'B2', 'C1', 'C2', 'D1', 'D2', 'E1', 'E2']) as grade,
    unnest([0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, null]) as pd_below,
    20 as points_to_double,
    600 as base_points,
    50 as base_odds;

alter table wh.ops.model_registry add column master_scale varchar;
comment on column wh.ops.model_registry.master_scale is
'JSON; settings of the master scale that the model carries; null for models registered before it was told';

create table wh.ops.feature_catalogue (
    feature varchar,
    feature_group varchar,
    unit varchar,
    business_name varchar,
    sentence_raises varchar,
    sentence_lowers varchar,
    tellable boolean,
    why_not varchar
);
comment on table wh.ops.feature_catalogue is
'one row per column of features.feat_enterprise and features.feat_sensitive: what it is called and may be told';
comment on column wh.ops.feature_catalogue.feature is 'key; column, and name of the feature in reasons';
comment on column wh.ops.feature_catalogue.feature_group is 'group that its SQL file declares';
comment on column wh.ops.feature_catalogue.unit is 'unit that its SQL file declares, null where it has none';
comment on column wh.ops.feature_catalogue.business_name is 'what a risk team calls it';
comment on column wh.ops.feature_catalogue.sentence_raises is
'what a borrower is told where the feature raises the PD; null where it may not be told';
comment on column wh.ops.feature_catalogue.sentence_lowers is
'what a borrower is told where the feature lowers the PD; null where it may not be told';
comment on column wh.ops.feature_catalogue.tellable is 'whether it may be told to the borrower';
comment on column wh.ops.feature_catalogue.why_not is 'why it may not be told; null where it may';

alter table wh.scores.portfolio_scores add column reason_1_strength double;
alter table wh.scores.portfolio_scores add column reason_2_strength double;
alter table wh.scores.portfolio_scores add column reason_3_strength double;
alter table wh.scores.portfolio_scores add column reason_4_strength double;
comment on column wh.scores.portfolio_scores.reason_1_strength is
'probability; what reason_1 adds to the PD, null without a reason';
comment on column wh.scores.portfolio_scores.reason_2_strength is 'probability; what reason_2 adds to the PD';
comment on column wh.scores.portfolio_scores.reason_3_strength is 'probability; what reason_3 adds to the PD';
comment on column wh.scores.portfolio_scores.reason_4_strength is 'probability; what reason_4 adds to the PD';
alter table wh.scores.incoming_scores add column reason_1_strength double;
alter table wh.scores.incoming_scores add column reason_2_strength double;
alter table wh.scores.incoming_scores add column reason_3_strength double;
alter table wh.scores.incoming_scores add column reason_4_strength double;
comment on column wh.scores.incoming_scores.reason_1_strength is
'probability; what reason_1 adds to the PD, null without a reason';
comment on column wh.scores.incoming_scores.reason_2_strength is 'probability; what reason_2 adds to the PD';
comment on column wh.scores.incoming_scores.reason_3_strength is 'probability; what reason_3 adds to the PD';
comment on column wh.scores.incoming_scores.reason_4_strength is 'probability; what reason_4 adds to the PD';

alter table wh.marts.mart_portfolio_latest add column natural_person boolean;
