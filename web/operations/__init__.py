"""What runs the product on a machine: its private database and its processes."""
