"""Units and grades of the default scheme, which is data: marked here so that the catalogue has their English.

`tenants.scoring.rules` speaks a unit through the catalogue; a unit that a district invents stays as the district wrote it.
"""

from tenants.words import N_

UNITS = (N_("次"), N_("学时"), N_("项"), N_("份"), N_("例"), N_("人次"), N_("对"), N_("级"), N_("分"), N_("是/否"))
GRADES = (N_("好"), N_("较好"), N_("一般"), N_("差"))
