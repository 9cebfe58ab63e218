"""Settings, addresses, the Celery application and the lock files."""
