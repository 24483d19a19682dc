"""The library of the lake: everything that is not one stage's business."""
