"""Every estimator passes the check suites of scikit-learn and imbalanced-learn."""

import pytest
from imblearn.utils.estimator_checks import parametrize_with_checks as imblearn_checks
from sklearn.utils.estimator_checks import parametrize_with_checks as sklearn_checks

from hs_specaug.classifiers import CNNClassifier
from hs_specaug.generators import (
    BorderlineSMOTEGenerator,
    RandomGenerator,
    SMOTEGenerator,
    ThreePlayerGenerator,
)

# The networks of the papers, trained for as long as a contract needs.
TRAINED = [ThreePlayerGenerator(epochs=1, pretrain_epochs=1, random_state=0)]
RESAMPLING = [
    RandomGenerator(random_state=0),
    SMOTEGenerator(random_state=0),
    BorderlineSMOTEGenerator(random_state=0),
]

# The suites use classes of one or two rows on purpose; we warn about those.
pytestmark = pytest.mark.filterwarnings("ignore::hs_specaug.exceptions.FewSamplesWarning")


@imblearn_checks([*TRAINED, *RESAMPLING])
def test_imbalanced_learn(estimator, check):
    check(estimator)


@sklearn_checks(
    [*TRAINED, *RESAMPLING, CNNClassifier(max_updates=300, learning_rate=1e-3, random_state=0)]
)
def test_scikit_learn(estimator, check):
    check(estimator)
