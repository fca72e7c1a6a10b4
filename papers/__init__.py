"""Three papers measured again: public data sets, experiments, and the pages that show our figures beside theirs."""
