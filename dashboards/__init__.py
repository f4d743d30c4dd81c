"""What Dash shows: views to look at and to explore. Read through `tenants`; never computes a score."""
