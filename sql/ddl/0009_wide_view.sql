-- The wide feature relation is a view of its parts now; whoever opens the warehouse to write creates it.
drop table if exists wh.features.feat_enterprise;
