"""Headers that every answer carries."""

import secrets

from flask import Flask, Response, g


def nonce() -> str:
    """This answer's nonce for the few inline scripts and styles."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    value: str = g.nonce
    return value


def policy(script: str = "", style: str = "") -> str:
    """The content security policy: this host only, no eval, nothing inline without the nonce."""
    return (
        f"default-src 'self'; script-src 'self' 'nonce-{nonce()}' {script}; "
        f"style-src 'self' 'nonce-{nonce()}' {style}; "
        "img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def harden(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", policy())
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Permissions-Policy", "geolocation=(), microphone=(), camera=(self)")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    return response


def init(app: Flask) -> None:
    app.after_request(harden)
    app.jinja_env.globals["nonce"] = nonce
