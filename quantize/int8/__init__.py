"""int8 for three engines: methods tried, layers that hurt kept in float, and a gate before it."""
