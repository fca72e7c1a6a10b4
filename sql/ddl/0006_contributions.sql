-- Why a score is what it is: what each feature adds to the PD. Staged and committed together with the scores.
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

create table wh.scores.incoming_contributions (
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
comment on table wh.scores.incoming_contributions is
'the contributions of one night while its scores wait to be validated; same columns as contributions';
comment on column wh.scores.incoming_contributions.portfolio is 'key; portfolio';
comment on column wh.scores.incoming_contributions.as_of_date is
'key; date that the run stands for; only what was known by its end counts';
comment on column wh.scores.incoming_contributions.enterprise_id is 'key; enterprise';
comment on column wh.scores.incoming_contributions.model_family is 'key; algorithm that scored it';
comment on column wh.scores.incoming_contributions.model_version is 'key; version of the model';
comment on column wh.scores.incoming_contributions.model_role is
'key; role of the score: champion, challenger or shadow';
comment on column wh.scores.incoming_contributions.feature is
'key; feature of features.feat_enterprise, or other: all weaker ones together';
comment on column wh.scores.incoming_contributions.contribution is
'probability; what the feature adds to the PD, negative where it lowers it';
comment on column wh.scores.incoming_contributions.rank is
'1 is the feature that moves this PD most, up or down; other comes last';
comment on column wh.scores.incoming_contributions.run_id is 'run that scored it';
comment on column wh.scores.incoming_contributions.scored_at is 'local time of scoring';

comment on column wh.scores.portfolio_scores.base_value is
'probability; what the model says knowing no feature; contributions add up from here to pd; null where there are none';
comment on column wh.scores.incoming_scores.base_value is
'probability; what the model says knowing no feature; contributions add up from here to pd; null where there are none';
comment on column wh.scores.portfolio_scores.reason_1 is
'feature that raises the PD most; null where the family tells no contributions, or none raises it';
comment on column wh.scores.incoming_scores.reason_1 is
'feature that raises the PD most; null where the family tells no contributions, or none raises it';
comment on column wh.scores.portfolio_scores.model_role is
'key; champion (the headline of this enterprise), challenger (kept beside it) or shadow';
comment on column wh.scores.incoming_scores.model_role is
'key; champion (the headline of this enterprise), challenger (kept beside it) or shadow';
