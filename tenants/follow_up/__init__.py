"""What follows a score: objections before it is published."""
