"""The family toy: transaction and thin files; it is meant for the thin ones."""

from models.family import Family
from toy_family import artefact
from toy_family.classifier import ToyClassifier
from toy_family.settings import ToySettings

TOY = Family(
    name="toy",
    settings=ToySettings,
    build=lambda settings, groups, _: ToyClassifier(settings=settings, groups=groups),
    codec=artefact,
    covers=("transaction", "thin"),
    leads=("thin",),
    choices=lambda training: {"intercept": training.model.classifier.intercept_},
    card_lines=lambda classifier: [f"Intercept: {classifier.intercept_:.2f}."],
)
