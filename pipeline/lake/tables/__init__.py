"""Tables as their readers know them: how they are made, and how what a batch wrote becomes visible or vanishes.

`names` and `evolution` are pure and ship with the jobs; `iceberg` is the one table format there is.
"""
