from ._ann import ANNClassifier
from ._cnn import CNNClassifier
from ._resnet import ResNetClassifier
from ._svm import SVMClassifier

__all__ = ["ANNClassifier", "CNNClassifier", "ResNetClassifier", "SVMClassifier"]
