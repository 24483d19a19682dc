"""What functions and jobs tell of themselves: JSON lines with one correlation id, and metrics. No data values, ever."""
