"""The people who work at the desk: accounts, passwords, and how often one may be tried."""
