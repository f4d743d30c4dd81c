"""Districts, schools, Party branches, people, and how they get in."""
