"""The console's pages of connectors: own ones are written, published and deleted, the library's are read."""
