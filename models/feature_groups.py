"""Name the groups of features that several families learn from, as the heads of the SQL files do."""

# how steadily an enterprise works: its payment flow and its operational log
OPERATIONAL_GROUPS = (
    "consistency",
    "dependency",
    "digital_intensity",
    "latency",
    "turnover",
    "behaviour",
    "recency",
    "volume",
)

# who it is and how it pays: profile, loan ledger, court cases, opinions (Yang & Xiao, 2024, Table 1)
TABLE_1_GROUPS = ("profile", "ledger", "legal", "opinion")
