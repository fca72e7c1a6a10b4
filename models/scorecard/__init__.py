"""The model family scorecard: points for a few binned features, added up; a model that fits on one page."""
