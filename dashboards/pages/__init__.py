"""One file per view: what it reads, what it finds, how it is drawn and taken away."""
