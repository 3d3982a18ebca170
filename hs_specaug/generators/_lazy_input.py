"""Training rows that stay on disk, as the input of a generator."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from imblearn.utils import check_target_type
from sklearn.utils import check_consistent_length, column_or_1d

from ..networks import LazyRows
from ._base import BaseGenerator


class LazyInput(BaseGenerator):
    """What `fit` accepts besides arrays: :class:`hs_specaug.networks.LazyRows`."""

    #: Whether the training reads rows chunk by chunk, and never has all of them in memory.
    takes_lazy_rows: ClassVar[bool] = True

    def _check_X_y(self, X: Any, y: Any, accept_sparse: Any = None) -> tuple:
        if not isinstance(X, LazyRows):
            return super()._check_X_y(X, y, accept_sparse)
        if not self.takes_lazy_rows:
            raise TypeError(
                f"{self.method} needs all training rows in memory and got LazyRows, unread; load "
                "them with fit(np.asarray(X), y), or take a method that reads them chunk by chunk "
                "(most do; 'dag' and 'dcgan' do not)"
            )
        labels, binarize_y = check_target_type(column_or_1d(y), indicate_one_vs_all=True)
        check_consistent_length(X, labels)
        self.n_features_in_ = X.shape[1]
        return X, labels, binarize_y

    def _fit_resample(self, X: Any, y: np.ndarray, **params: Any) -> tuple:
        if isinstance(X, LazyRows):
            raise TypeError(
                "fit_resample returns all rows in memory and got LazyRows, unread; use "
                "fit(X, y) and then sample(generator.missing_counts(y)) for the new rows alone"
            )
        return super()._fit_resample(X, y, **params)
