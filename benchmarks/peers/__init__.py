"""What others need for the same work, each in a process of its own."""
