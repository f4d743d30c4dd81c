"""Mails that are owed: rows only, written in the transaction of their cause; `jobs` deliver them."""
