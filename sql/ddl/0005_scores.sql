-- What the models said, and why. Tables for what waits to be validated are made after these.
create table wh.scores.portfolio_scores (
    portfolio varchar,
    as_of_date date,
    enterprise_id varchar,
    model_family varchar,
    model_version varchar,
    model_role varchar,
    coverage varchar,
    score_status varchar,
    pd_raw double,
    pd double,
    base_value double,
    score_points double,
    grade varchar,
    reason_1 varchar,
    reason_2 varchar,
    reason_3 varchar,
    reason_4 varchar,
    run_id varchar,
    scored_at timestamp,
    scored_as_of date,
    reason_1_strength double,
    reason_2_strength double,
    reason_3_strength double,
    reason_4_strength double,
    in_default boolean
);
comment on table wh.scores.portfolio_scores is
'one row per portfolio, as_of_date, model_role, model_family and enterprise; one champion row an enterprise and night';
comment on column wh.scores.portfolio_scores.portfolio is 'portfolio';
comment on column wh.scores.portfolio_scores.as_of_date is
'date that the run stands for; only what was known by its end counts';
comment on column wh.scores.portfolio_scores.enterprise_id is 'key; enterprise';
comment on column wh.scores.portfolio_scores.model_family is 'key; algorithm that scored it, null where none could';
comment on column wh.scores.portfolio_scores.model_version is 'version of the model';
comment on column wh.scores.portfolio_scores.model_role is
'key; champion (the headline of this enterprise), challenger (kept beside it) or shadow';
comment on column wh.scores.portfolio_scores.coverage is
'thick, transaction, thin or unscoreable: which data the enterprise has';
comment on column wh.scores.portfolio_scores.score_status is
'fresh (scored tonight), stale (the last good score, kept), quarantined or unscoreable';
comment on column wh.scores.portfolio_scores.pd_raw is 'probability; of the model before calibration';
comment on column wh.scores.portfolio_scores.pd is
'probability of default, calibrated; null where unscoreable or quarantined';
comment on column wh.scores.portfolio_scores.base_value is
'probability; what the model says knowing no feature; contributions add up from here to pd; null where there are none';
comment on column wh.scores.portfolio_scores.score_points is 'points, not rounded; higher is safer';
comment on column wh.scores.portfolio_scores.grade is 'grade on the master scale';
comment on column wh.scores.portfolio_scores.reason_1 is
'feature that raises the PD most; null where the family tells no contributions, or none raises it';
comment on column wh.scores.portfolio_scores.reason_2 is 'second reason';
comment on column wh.scores.portfolio_scores.reason_3 is 'third reason';
comment on column wh.scores.portfolio_scores.reason_4 is 'fourth reason';
comment on column wh.scores.portfolio_scores.run_id is 'run that scored it';
comment on column wh.scores.portfolio_scores.scored_at is 'local time of scoring';
comment on column wh.scores.portfolio_scores.scored_as_of is
'date that the pd was really scored for: as_of_date where fresh, an earlier one where stale, null without a pd';
comment on column wh.scores.portfolio_scores.reason_1_strength is
'probability; what reason_1 adds to the PD, null without a reason';
comment on column wh.scores.portfolio_scores.reason_2_strength is 'probability; what reason_2 adds to the PD';
comment on column wh.scores.portfolio_scores.reason_3_strength is 'probability; what reason_3 adds to the PD';
comment on column wh.scores.portfolio_scores.reason_4_strength is 'probability; what reason_4 adds to the PD';
comment on column wh.scores.portfolio_scores.in_default is
'whether the borrower is in default on as_of_date by the definition of its model: its pd is no forecast; null where '
'no model scored it, or no outcome of it was ever delivered';

create table wh.scores.contributions (
    portfolio varchar,
    as_of_date date,
    enterprise_id varchar,
    model_family varchar,
    model_version varchar,
    model_role varchar,
    feature varchar,
    contribution double,
    rank integer,
    run_id varchar,
    scored_at timestamp
);
comment on table wh.scores.contributions is
'one row per score of a family that explains itself and feature; base_value + sum(contribution) = pd of that score';
comment on column wh.scores.contributions.portfolio is 'key; portfolio';
comment on column wh.scores.contributions.as_of_date is
'key; date that the run stands for; only what was known by its end counts';
comment on column wh.scores.contributions.enterprise_id is 'key; enterprise';
comment on column wh.scores.contributions.model_family is 'key; algorithm that scored it';
comment on column wh.scores.contributions.model_version is 'key; version of the model';
comment on column wh.scores.contributions.model_role is 'key; role of the score: champion, challenger or shadow';
comment on column wh.scores.contributions.feature is
'key; feature of features.feat_enterprise, or other: all weaker ones together';
comment on column wh.scores.contributions.contribution is
'probability; what the feature adds to the PD, negative where it lowers it';
comment on column wh.scores.contributions.rank is
'1 is the feature that moves this PD most, up or down; other comes last';
comment on column wh.scores.contributions.run_id is 'run that scored it';
comment on column wh.scores.contributions.scored_at is 'local time of scoring';

create table wh.scores.score_changes (
    portfolio varchar,
    as_of_date date,
    against_date date,
    enterprise_id varchar,
    coverage varchar,
    coverage_before varchar,
    coverage_changed boolean,
    part varchar,
    feature varchar,
    change double,
    run_id varchar
);
comment on table wh.scores.score_changes is
'one row per pair of nights, borrower, part and feature; they add up to the pd difference where there are two pds';
comment on column wh.scores.score_changes.portfolio is 'key; portfolio';
comment on column wh.scores.score_changes.as_of_date is 'key; the later night';
comment on column wh.scores.score_changes.against_date is 'key; the earlier night that it is compared with';
comment on column wh.scores.score_changes.enterprise_id is 'key; enterprise';
comment on column wh.scores.score_changes.coverage is 'coverage class on as_of_date; null where gone';
comment on column wh.scores.score_changes.coverage_before is 'coverage class on against_date; null where appeared';
comment on column wh.scores.score_changes.coverage_changed is
'true where the borrower has another coverage class than before';
comment on column wh.scores.score_changes.part is
'key; data, model, calibration; coverage_data, coverage_model; stale; or appeared, gone, newly_scored, unscored';
comment on column wh.scores.score_changes.feature is
'key; feature whose value moved the pd, or other: all weaker ones together; null where the part is not by feature';
comment on column wh.scores.score_changes.change is
'probability; what the part adds to the pd; null where the borrower has no pd on one of the nights';
comment on column wh.scores.score_changes.run_id is 'run that compared the nights';
