"""Indicator schemes (指标体系): the file format, and the versions that a district has published."""
