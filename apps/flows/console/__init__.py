"""The console pages of flows, their resources and their failed records."""
