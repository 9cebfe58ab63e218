"""The demonstration: a sample shop, a sample CRM, and an integration that moves the shop's orders into it.

`shop` and `crm` are the two systems, `documents` the integration, `installing` what `manage.py up` does with them.
"""
