"""Measurements as ratios within one run, so that a noisy machine shows in both halves."""
