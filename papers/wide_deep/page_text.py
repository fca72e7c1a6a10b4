"""The standing text of docs/wide-and-deep.md; counts in braces come from ops.replication."""

from __future__ import annotations

from papers.wide_deep.experiment import AT_PAPER_RATE, RATE_CHOSEN

HEAD = """# Wide & Deep: the paper's experiments measured again

Vanhoeven & Chen, *Default Risk Prediction for Small and Micro Enterprises Using a Wide and Deep Learning
Framework*.

```sh
python -m flows replicate --paper wide-and-deep --dataset taiwan_default --repeats 5
python -m flows replicate --paper wide-and-deep --dataset sba --repeats 5
python -m flows replicate --paper wide-and-deep --dataset simulated --repeats 5
python -m flows replicate --paper wide-and-deep --dataset simulated --protocol sensitivity --repeats 2
```

measure one seed after the other, keep each as it is done (`ops.replication_folds`), write the means to
`ops.replication` and this page from them; no figure here is typed by hand. `NIGHTLEDGER_DATA_DIR` names the
folder of the public sets.

**A seed** is a split (60% training, 20% validation, 20% test, stratified; all rows of a borrower in one part)
and an initialisation. The test part is only scored. The validation part says when training stops, which
learning rate is taken and where the threshold lies. **Intervals** are 95%, corrected resampled-t over the seeds
(Nadeau & Bengio 2003).

**The six rows** are one estimator with parts switched off, at batches of 256, hidden layers of 256, 128 and 64,
Adam, at most 60 epochs, stopped 8 epochs after the lowest validation loss. All see the same columns: without
the deep part the numbers enter the output directly, without the wide part categories and crosses enter the
first hidden layer. **LightGBM** sees the very same columns, categories as categories: 0.05 a step, trees added
until the validation loss has not fallen for 50 of them, everything else its default.

**Thresholds**: the score with the best F1 on the validation part, once for the F1 of the defaults ("precision,
recall, F1") and once for the F1 averaged over both classes by their size ("averaged"). In a cell: ours
(interval), then the published figure in brackets.

**Learning rates**: on the simulated rows the paper's 0.0001 or 0.001, and once more the paper's alone. A pass
over the 18,000 training rows of a public set makes 71 steps, a quarter of the paper's, and the weights of the
wide part start at zero: at 0.0001 they move little before the deep part begins to overfit. There the choice is
between 0.0003 and 0.001.

![Paired differences of AUC](images/wide-and-deep-differences.svg)
"""

PUBLISHED = """## What the published figures can be

The paper defines F1 as the harmonic mean of precision and recall, which lies between the two. In {below} of its
{of} rows F1 lies below both, and in {odd} it is not their harmonic mean: the three are not those of one class.
Averages over both classes, weighted by their size, can do it: each class has its own F1, and the lesser one
pulls the average down. Recall is then the accuracy. At the stated 6:4 such averages miss the worst published
row by {stated:.3f}; at two positives to one negative ({share:.0%}) they meet every row within {fitting:.3f}. So
the figures are most likely weighted averages on a test set of about 2:1. Ours are given both ways: averaged so,
beside the published ones, and of the defaults alone.

Two more things keep the published figures from being those of a forecast. Applications that were refused for a
bad credit history count as defaults, and past delinquencies are among the inputs: part of the label is a rule
over the features. And {positive:.0%} of the {rows:,} rows are positive, as in no lender's book: precision and
F1 at that mix say nothing about one.
"""

DATASETS = {
    "simulated": "The simulated portfolio at the paper's size and class mix",
    "sba": "sba: loans to small businesses",
    "taiwan_default": "taiwan_default: credit card holders",
}

ABOUT = {
    "simulated": """\
{rows} rows, {positives} of them positive. The paper's data are a payment provider's and not public. These are
simulated: {enterprises} enterprises, thick files only (a profile, a ledger with past credit behaviour and
{transactions} transactions over 760 days), half a year of history before the snapshot and a year of outcomes
after it, at a default rate of {default_rate} a year, far above the 15% of our other portfolios. Delivered,
loaded and built by the same pipeline as any night. The label is the paper's own: more than 30 days overdue
within the year. {labelled} enterprises were not overdue on the day of the snapshot and so have a label,
{labelled_positives} of them positive; rows of both classes were then left out at random until there were
exactly {rows} at 6:4. The rate is the one at which the fewest enterprises are needed. Categories, credit
behaviour and the paper's kind of crosses (city x industry, verification x industry, ...) are wide; the payment
flow over 30 days, 90 days and the known history is deep. The gender of the legal representative, one of the
paper's inputs, is left out; in the simulation it says nothing about default.

Other data than the paper's, so the published figures are for orientation. What can be compared is what a part
adds. In the simulation no default depends on a pair of fields: there is nothing for a cross of profile fields
to find, and a gain by them here would be luck or a leak.
""",
    "sba": """\
{rows} loans guaranteed by the US Small Business Administration, {positives} charged off: a draw balanced by
class. Precision and F1 are reweighted to the whole file's rate, {national_rate}, by weighing the test and
validation rows; the AUC does not change by that. The rate is the one commonly given for the whole public file
of 899,164 loans, which is not here. The part in file order that is here says 21%, but it is a few approval
years and no sample. Models are trained on the balanced draw as it is. State, bank state, NAICS sector,
franchise, revolving, low documentation, urban or rural, new business and all pairs of them are wide; amount
approved, share guaranteed, employees, jobs created and retained are deep. Charge-off, balance and dates never
enter, nor does the amount disbursed, which on a line of credit grows with use. Borrowers' names were removed
from the file, so that two loans of one borrower can lie on two sides of a split.

**The loan's term carries the outcome.** Of the loans paid in full, {whole_years_paid} have a term of whole
years, of those charged off {whole_years_charged_off}: the term of a failed loan seems to be cut at its end.
What is measured with the term is no forecast. With it, three of the six rows are measured, at a
learning rate of 0.001.
""",
    "taiwan_default": """\
{rows} card holders, {positives} in default the month after. Education, marriage, the six payment states and all
pairs of them are wide; limit, age, six bills and six payments are deep. Sex enters only under `--sensitive
use`. Marriage and age stay in here, as in every published figure on this set; a lender may not use them in many
countries, and nobody is scored with these models. Private persons, not enterprises: the set says how the method
does on payment behaviour, nothing about small firms.
""",
}

RATE_TITLES = {
    RATE_CHOSEN: "Learning rate chosen on the validation part, as the paper chose its settings:",
    AT_PAPER_RATE: "At the paper's learning rate, 0.0001:",
}

LEARNING = """\
The full model at the paper's settings with one of them changed; batch sizes and learning rates are measured
on the test part after early stopping, epochs on the validation part, all of them whatever the loss says. The seeds
are few and serve as a picture: no interval is given, and nothing is chosen by it.
"""
