"""Conditions: Celigo's prefix filters (`celigo`) and Rely's condition lists (`rely`)."""
