"""What gunicorn serves."""

from web import create_app
from web.config import read_settings
from web.operations.checks import refuse_demo_in_production

settings = read_settings()
app = create_app(settings)
refuse_demo_in_production(app, settings)
