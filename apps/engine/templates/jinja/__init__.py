"""The Jinja language in native types, inside bounds that Jinja's own sandbox does not have."""
