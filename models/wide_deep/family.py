"""The family wide_deep: files with a profile and a payment flow."""

from models.family import Family
from models.wide_deep import artefact
from models.wide_deep.card import card_lines, choices
from models.wide_deep.classifier import WideDeepClassifier
from models.wide_deep.settings import WideDeepSettings

WIDE_DEEP = Family(
    name="wide_deep",
    settings=WideDeepSettings,
    build=lambda settings, groups, _: WideDeepClassifier(settings=settings, groups=groups),
    codec=artefact,
    covers=("thick", "transaction"),
    leads=("transaction",),
    choices=choices,
    card_lines=card_lines,
)
