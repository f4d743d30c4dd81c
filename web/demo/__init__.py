"""The demo: one city with two districts, loaded through the product's own actions."""
