"""Every estimator passes the check suites of scikit-learn and imbalanced-learn."""

from importlib.util import find_spec

import pytest
from imblearn.utils.estimator_checks import parametrize_with_checks as imblearn_checks
from sklearn.utils.estimator_checks import parametrize_with_checks as sklearn_checks

from hs_specaug.classifiers import (
    ANNClassifier,
    CNNClassifier,
    RocketClassifier,
    SVMClassifier,
)
from hs_specaug.generators import (
    ACGANGenerator,
    BAGANGenerator,
    BAGANGPGenerator,
    BorderlineSMOTEGenerator,
    CDRAGANGenerator,
    CooperativeGenerator,
    CWGANGPGenerator,
    DAGGenerator,
    DCGANGenerator,
    DiffusionGenerator,
    FewShotGenerator,
    MPcGANGenerator,
    PerturbationGenerator,
    RandomGenerator,
    SGBGANGenerator,
    SMOTEGenerator,
    ThreePlayerGenerator,
)

# The networks of the papers, trained for as long as a contract needs.
SHORT = {"epochs": 1, "batch_size": 256, "random_state": 0}
TRAINED = [
    ThreePlayerGenerator(pretrain_epochs=1, **SHORT),
    CooperativeGenerator(**SHORT),
    CDRAGANGenerator(**SHORT),
    ACGANGenerator(**SHORT),
    DCGANGenerator(**SHORT),
    BAGANGenerator(pretrain_epochs=1, **SHORT),
    BAGANGPGenerator(pretrain_epochs=1, n_critic=1, **SHORT),
    CWGANGPGenerator(n_critic=1, **SHORT),
    MPcGANGenerator(**SHORT),
    SGBGANGenerator(pretrain_epochs=1, n_critic=1, **SHORT),
    DAGGenerator(epochs=0, batch_size=256, random_state=0),
    DiffusionGenerator(epochs=1, timesteps=4, width=2, random_state=0),
]
RESAMPLING = [
    RandomGenerator(random_state=0),
    SMOTEGenerator(random_state=0),
    BorderlineSMOTEGenerator(random_state=0),
    PerturbationGenerator("shift+gain", random_state=0),
    FewShotGenerator(random_state=0),
]
CLASSIFIERS = [
    CNNClassifier(max_updates=120, learning_rate=2e-3, random_state=0),
    ANNClassifier(max_updates=300, learning_rate=1e-3, random_state=0),
    SVMClassifier(C=(1, 10, 100), gamma=(0.3, 1, 3), cv=3, random_state=0),
    SVMClassifier(kernel="cosine", C=(1, 10), cv=3, random_state=0),
]
if find_spec("pyts"):
    CLASSIFIERS.append(RocketClassifier(200, random_state=0))

# The suites use classes of one or two rows on purpose; we warn about those.
pytestmark = pytest.mark.filterwarnings("ignore::hs_specaug.exceptions.FewSamplesWarning")


@imblearn_checks([*TRAINED, *RESAMPLING])
def test_imbalanced_learn(estimator, check):
    check(estimator)


@sklearn_checks([*TRAINED, *RESAMPLING, *CLASSIFIERS])
def test_scikit_learn(estimator, check):
    check(estimator)
