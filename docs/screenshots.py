"""Takes the pictures of the documentation from a running demo.

    python docs/screenshots.py http://127.0.0.1:8000 .data/demo-sign-ins.txt

Chromium must be installed. The pictures go to docs/images; nothing in the demo is changed.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
WIDE, PHONE = (1440, 900), (360, 740)
LARGEST = 250_000  # bytes


@dataclass(frozen=True)
class Studio:
    """A browser, where the demo is, and (who, sign-in name, password) of its people."""

    chromium: Browser
    base: str
    people: list[tuple[str, str, str]]

    @contextmanager
    def seat(self, who: str, size: tuple[int, int]) -> Iterator[Page]:
        """A window of the first person whose title ends with `who`, signed in."""
        _, login, password = next(person for person in self.people if person[0].endswith(who))
        width, height = size
        context = self.chromium.new_context(
            viewport={"width": width, "height": height},
            reduced_motion="reduce",
            device_scale_factor=1,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
        )
        page = context.new_page()
        page.goto(f"{self.base}/login")
        page.fill("#account", login)
        page.fill("#password", password)
        page.click("main form button")
        page.locator(".me summary").wait_for()
        yield page
        context.close()

    def open(self, page: Page, path: str) -> None:
        page.goto(self.base + path)
        page.wait_for_load_state("networkidle")


def quarters(page: Page) -> list[str]:
    """The quarters that the page offers, newest first."""
    found = page.locator("#quarter option").evaluate_all("options => options.map(option => option.value)")
    return sorted(found, reverse=True)


def keep(page: Page, name: str) -> None:
    """The window as it stands; a picture that is too heavy for a page of documentation is refused."""
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path)
    size = path.stat().st_size
    if size > LARGEST:
        path.unlink()
        sys.exit(f"{path.name} has {size} bytes, more than {LARGEST}")
    print(f"{path.name}\t{size}")


def ranking(studio: Studio) -> None:
    """The newest published ranking, its table and its chart."""
    with studio.seat("区级领导", WIDE) as page:
        studio.open(page, f"/dash/{quarters(page)[1]}/ranking")
        page.locator(".js-plotly-plot").first.wait_for()
        keep(page, "ranking")
        page.get_by_role("link", name="看图").click()
        keep(page, "ranking-chart")


def explanation(studio: Studio) -> None:
    """A school in the middle of the ranking: where its points went."""
    with studio.seat("区级领导", WIDE) as page:
        studio.open(page, f"/dash/{quarters(page)[1]}/ranking")
        links = page.locator("table.ranking th a")
        links.nth(links.count() // 2).click()
        page.locator("table.items tr:has(td[data-label='失分'] strong)").first.evaluate(
            "row => row.scrollIntoView({block: 'center'})"
        )
        keep(page, "explanation")


def form(studio: Studio) -> None:
    """The form at a desk, on a phone, and on paper."""
    for name, size in (("form", WIDE), ("form-phone", PHONE)):
        with studio.seat("第三中学党务干事", size) as page:
            studio.open(page, f"/{quarters(page)[0]}/report")
            keep(page, name)
    with studio.seat("第三中学党务干事", (794, 1123)) as page:  # A4 at 96 dots to the inch
        studio.open(page, f"/{quarters(page)[0]}/report")
        page.emulate_media(media="print")
        keep(page, "form-paper")


def review(studio: Studio) -> None:
    """The first report that waits for the district."""
    with studio.seat("工委审核员", WIDE) as page:
        studio.open(page, f"/{quarters(page)[0]}/review")
        page.get_by_role("link", name="审核", exact=True).first.click()
        page.locator("input[name=return]").first.wait_for()
        keep(page, "review")


def approval(studio: Studio) -> None:
    """A secretary's phone."""
    with studio.seat("第一小学书记", PHONE) as page:
        studio.open(page, f"/{quarters(page)[0]}/approve")
        keep(page, "approval-phone")


PICTURES = (ranking, explanation, form, review, approval)


def main(base: str, signs: str) -> None:
    lines = Path(signs).read_text("utf-8").splitlines()
    people = [(who, login, password) for who, login, password in (line.split("\t") for line in lines)]
    path = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        for take in PICTURES:
            take(Studio(chromium, base.rstrip("/"), people))
        chromium.close()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
