"""Store fitted learners in formats that hold no code: XGBoost UBJ, LightGBM text, skops for scikit-learn."""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import Any

import numpy as np
from lightgbm import Booster, LGBMClassifier
from sklearn.preprocessing import LabelEncoder
from xgboost import XGBClassifier

from models.errors import ArtefactError

# skops trusts numpy and scikit-learn's own public classes; what trees need beyond them is named here, and
# anything else in a file is refused.
TRUSTED = ("sklearn.tree._tree.Tree",)

_IDENTITY = re.compile(r'"__id__": (\d+)')


def dump_learner(name: str, fitted: Any) -> dict[str, bytes]:
    """Return the learner as one file: its name with a suffix for the format, and its bytes.

    The same fitted learner gives the same bytes.
    """
    if isinstance(fitted, XGBClassifier):
        return {f"{name}.ubj": bytes(fitted.get_booster().save_raw("ubj"))}
    if isinstance(fitted, LGBMClassifier):
        return {f"{name}.lightgbm.txt": fitted.booster_.model_to_string().encode()}
    import skops.io

    return {f"{name}.skops": _without_identities(skops.io.dumps(fitted))}


def load_learner(name: str, files: dict[str, bytes], unfitted: Any) -> Any:
    """Return the fitted learner that `dump_learner` wrote.

    Parameters
    ----------
    name : str
    files : dict of str to bytes
    unfitted : estimator
        With the same parameters; XGBoost and LightGBM store the trees only.

    Raises
    ------
    ArtefactError
        The file holds a type that is not trusted, or there is none of that name.
    """
    if f"{name}.ubj" in files:
        unfitted.load_model(bytearray(files[f"{name}.ubj"]))
        return unfitted
    if f"{name}.lightgbm.txt" in files:
        return _lightgbm(files[f"{name}.lightgbm.txt"].decode(), unfitted)
    if f"{name}.skops" not in files:
        raise ArtefactError(f"the model file holds no learner {name}; restore it or train again")
    import skops.io

    content = files[f"{name}.skops"]
    foreign = set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED)
    if foreign:
        raise ArtefactError(f"the model file holds types that are not trusted: {', '.join(sorted(foreign))}")
    return skops.io.loads(content, trusted=list(TRUSTED))


def _lightgbm(text: str, unfitted: LGBMClassifier) -> LGBMClassifier:
    """Return the unfitted classifier with its stored trees; LightGBM has no way of its own to load them."""
    booster = Booster(model_str=text)
    vars(unfitted).update(
        _Booster=booster,
        fitted_=True,
        _n_features=booster.num_feature(),
        _n_features_in=booster.num_feature(),
        _n_classes=2,
        _classes=np.array([0, 1]),
        _le=LabelEncoder().fit([0, 1]),
        _objective="binary",
    )
    return unfitted


def _without_identities(content: bytes) -> bytes:
    """Return the skops archive with memory addresses and the time of day replaced by an order."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = files.pop("schema.json").decode()
    places = {mark: str(place) for place, mark in enumerate(dict.fromkeys(_IDENTITY.findall(schema)))}
    schema = _IDENTITY.sub(lambda match: f'"__id__": {places[match[1]]}', schema)
    names = {
        name: f"{places[stem]}{dot}{suffix}" for name in files for stem, dot, suffix in [name.partition(".")]
    }
    for name, new in names.items():
        schema = schema.replace(json.dumps(name), json.dumps(new))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files, key=lambda name: int(names[name].partition(".")[0])):
            archive.writestr(zipfile.ZipInfo(names[name]), files[name], zipfile.ZIP_DEFLATED)
        archive.writestr(zipfile.ZipInfo("schema.json"), schema, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
