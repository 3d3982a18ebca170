import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier

from hs_specaug._seeds import clone_with_seed


@pytest.mark.parametrize(
    ("given", "seed", "expected"), [(None, 3, 3), (7, 3, 7), (None, None, None)]
)
def test_what_was_chosen_stays(given, seed, expected):
    estimator = RandomForestClassifier(random_state=given)
    copy = clone_with_seed(estimator, seed)
    assert copy is not estimator
    assert copy.random_state == expected
    assert estimator.random_state == given


def test_without_random_state():
    assert isinstance(clone_with_seed(KNeighborsClassifier(), 0), KNeighborsClassifier)
