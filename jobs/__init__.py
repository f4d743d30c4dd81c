"""What happens on a schedule. Jobs read and write through `tenants`; each `run(scope, now)` may be repeated at will."""
