"""The papers that can be measured again; a new one is a folder and a line here."""

from papers.operational_risk.run import OPERATIONAL_RISK
from papers.paper import Paper
from papers.voting_ensemble.run import VOTING_ENSEMBLE
from papers.wide_deep.run import WIDE_AND_DEEP

PAPERS: dict[str, Paper] = {paper.name: paper for paper in (OPERATIONAL_RISK, VOTING_ENSEMBLE, WIDE_AND_DEEP)}
