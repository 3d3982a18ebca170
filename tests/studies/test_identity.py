"""What makes two pieces of work the same."""

import json

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from hs_specaug.perturbations import Domain
from hs_specaug.studies._identity import describe


def test_descriptions_tell_objects_apart():
    assert describe(KNeighborsClassifier(1)) != describe(KNeighborsClassifier(2))
    assert describe({"a": np.arange(3)}) != describe({"a": np.arange(4)})
    assert describe(Domain("EELS")) != describe(Domain("EDS"))
    assert describe(np.float32(0.5)) == 0.5
    json.dumps(describe([Domain(), np.ptp, (1, None)]))
