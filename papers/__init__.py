"""The papers measured again: public data sets, experiments and the pages that show them."""
