"""What a district and its schools hold, and who may see it: the whole domain, and the only place where SQL is written."""
