"""The functions of forecasts: what fetches and indexes an announced file, and what answers with its values."""
