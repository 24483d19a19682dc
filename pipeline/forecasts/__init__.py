"""The library of forecasts: announcements of files, their times, the index of them, and values at a place."""
