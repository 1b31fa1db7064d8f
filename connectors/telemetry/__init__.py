"""Lets others watch the service work: metrics for Prometheus, traces for an OpenTelemetry collector."""
