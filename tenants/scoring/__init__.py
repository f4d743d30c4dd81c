"""The scoring core: values in, values out; no session, no clock, no Flask, and no numbers but exact ones."""
