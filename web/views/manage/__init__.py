"""What a district's administrator sets: schools, people, quarters, the scheme; and what they look up: mails, the log."""

from web.views.manage import district, log, mail, overview, people, quarters, scheme, schools
from web.views.manage.common import blueprint

__all__ = ["blueprint", "district", "log", "mail", "overview", "people", "quarters", "scheme", "schools"]
