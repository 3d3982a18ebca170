from ._ann import ANNClassifier
from ._cnn import CNNClassifier
from ._resnet import ResNetClassifier
from ._rocket import RocketClassifier
from ._svm import SVMClassifier

__all__ = [
    "ANNClassifier",
    "CNNClassifier",
    "ResNetClassifier",
    "RocketClassifier",
    "SVMClassifier",
]
