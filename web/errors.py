"""One table from what went wrong to a status and a page in words."""

import logging
import secrets

from flask import Flask, render_template, request
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from tenants import audit
from tenants.db import break_off, transaction
from tenants.errors import Conflict, Forbidden, Invalid, LinghangError, NotFound, NotReady
from tenants.words import N_, Words

log = logging.getLogger(__name__)

STATUS: dict[type[LinghangError], int] = {NotFound: 404, Forbidden: 403, Conflict: 409, Invalid: 422, NotReady: 503}
HTTP_WORDS: dict[int, str] = {
    400: N_("这次请求不完整，请返回上一页重试。"),
    401: N_("请先登录，登录后会回到这个页面。"),
    404: N_("没有找到您要的内容，它可能已被移走，或不在您的权限范围内。"),
    405: N_("这个地址不接受这种操作，请从页面上的按钮进入。"),
    413: N_("上传的内容太大，请压缩图片或分次上传。"),
    415: N_("内容的格式不被接受。"),
    429: N_("操作过于频繁，请稍后再试。"),
}
TITLES: dict[int, str] = {
    400: N_("请求有误"), 401: N_("请先登录"), 403: N_("没有权限"), 404: N_("没有找到"), 405: N_("不能这样操作"),
    409: N_("现在不能这样做"), 413: N_("内容太大"), 422: N_("有内容需要更正"), 429: N_("请稍后再试"),
    500: N_("系统出了问题"), 503: N_("服务暂不可用"),
}  # fmt: skip
OUR_FAULT = N_("抱歉，系统出了问题，此前已保存的内容没有丢失。请把代码 {code} 告诉运维人员。")


def page(status: int, said: Words | str) -> tuple[str, int]:
    """The page of an error, in the shell of whoever is signed in, whatever the work was doing when it broke off."""
    break_off()
    return render_template("error.html", status=status, title=TITLES.get(status, TITLES[400]), said=said), status


def refused(error: LinghangError) -> tuple[str, int]:
    """A refusal of the domain; what was forbidden is noted in the log."""
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 400)
    if status == 403 and current_user.is_authenticated:
        scope = current_user.scope
        with transaction(scope):
            audit.record(scope, "refused", "route", request.path, result="refused")
    return page(status, error.words)


def http_error(error: HTTPException) -> tuple[str, int]:
    status = error.code or 500
    return page(status, HTTP_WORDS.get(status, HTTP_WORDS[400]))


def csrf_error(_error: CSRFError) -> tuple[str, int]:
    return page(400, N_("页面停留过久或来源不明，请返回上一页刷新后重试；您填写的内容仍在上一页。"))


def crash(error: Exception) -> tuple[str, int]:
    """Our own fault: a short code to read out by phone, the trace only in the log."""
    code = secrets.token_hex(3)
    log.error("crash %s at %s %s", code, request.method, request.path, exc_info=error)
    return page(500, Words(OUR_FAULT, {"code": code}))


def init(app: Flask) -> None:
    app.register_error_handler(LinghangError, refused)
    app.register_error_handler(CSRFError, csrf_error)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(Exception, crash)
