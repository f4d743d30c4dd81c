"""The report of one school for one quarter: its states, values, evidence and review."""
