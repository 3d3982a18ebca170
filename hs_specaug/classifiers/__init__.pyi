from ._cnn import CNNClassifier

__all__ = ["CNNClassifier"]
