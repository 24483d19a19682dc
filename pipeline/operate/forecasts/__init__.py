"""What people ask of forecasts."""
