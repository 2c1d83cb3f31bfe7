"""Try on random histories, and under kill -9, that only what people approved is started, and once."""
