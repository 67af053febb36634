"""How the service is doing, for those who look after it: metrics, probes, the service manager."""
