"""The console's pages of automations, and what an execution's page shows of one."""
