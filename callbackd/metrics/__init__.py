"""What is measured, for Prometheus: counted from the outbox as it grows, and looked up when somebody asks."""
