"""Measurements of speed, as ratios within one process."""
