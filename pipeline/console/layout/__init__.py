"""A layered drawing of any directed graph: boxes in rows, lines of right angles between them, labels beside lines.

Nothing overlaps, by construction: boxes, passing lines and labels have slots of their own in rows, and the lines
between two rows run in tracks. Here is no state machine and no SVG.
"""
