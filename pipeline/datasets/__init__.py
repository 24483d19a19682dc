"""Dataset definitions: what a team registers. `model` is the shape, `types` the column types, `files` reads YAML."""

from pipeline.datasets.model import Column, Dataset, DatasetName, Quality, StageA, StageB, Table

__all__ = ["Column", "Dataset", "DatasetName", "Quality", "StageA", "StageB", "Table"]
