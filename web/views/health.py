"""What a monitor asks: is the process up, is the installation in order. Booleans only, no version, no sign-in."""

from dataclasses import asdict

from flask import Blueprint, Response, current_app, jsonify

from web.auth import now, watching
from web.operations.health import readiness
from web.policy import PUBLIC, access

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@access(PUBLIC)
def alive() -> Response:
    return Response("ok", mimetype="text/plain")


@blueprint.get("/readyz")
@access(PUBLIC)
def ready() -> tuple[Response, int]:
    found = readiness(current_app.config["SETTINGS"], watching(), now())
    return jsonify(asdict(found)), 200 if found.good else 503
