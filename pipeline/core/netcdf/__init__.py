"""Reads netCDF by ranges: HDF5-based netCDF-4 and classic netCDF-3."""
