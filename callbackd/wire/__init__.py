"""What the doors share: the shapes of what is asked and told, and how the outbox is followed to somewhere else."""
