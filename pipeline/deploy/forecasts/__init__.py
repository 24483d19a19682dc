"""Deploys sources of forecasts: the stack of each."""
