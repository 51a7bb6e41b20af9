"""What pytest reads first: scripts that make stored numbers are no tests."""

collect_ignore = ["data"]
