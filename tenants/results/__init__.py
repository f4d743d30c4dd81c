"""Score runs, what is published of them, and the one door through which others' results are read."""
