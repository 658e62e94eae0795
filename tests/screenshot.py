"""Pictures of the running page: the README's, and every lens at three widths and in two themes.

`make screenshot` renews the README's; `make screenshots` writes all into screenshots/, to look at.
"""

import sys

from browser import DRAWN, LONGEST, ROOT, chromium, painted, running_app

WIDTHS = {390: 844, 1280: 900, 1920: 1080}  # and heights
THEMES = ("light", "dark")
TABS = "#lenses [role=tab]"


def main(every: bool) -> None:
    with running_app() as address, chromium() as browser:
        if every:
            _every_lens(browser, address)
        else:
            _readme(browser, address)


def _readme(browser, address: str) -> None:
    page = browser.new_page(viewport={"width": 1300, "height": 900})
    page.goto(address + "/?__theme=light")
    page.wait_for_function(DRAWN, timeout=LONGEST)
    page.hover("#explorer .words button:nth-child(6)")
    painted(page)
    page.screenshot(path=ROOT / "assets" / "screenshot.png")


def _every_lens(browser, address: str) -> None:
    folder = ROOT / "screenshots"
    folder.mkdir(exist_ok=True)
    for width, height in WIDTHS.items():
        for theme in THEMES:
            page = browser.new_page(viewport={"width": width, "height": height})
            page.goto(f"{address}/?__theme={theme}")
            page.wait_for_function(DRAWN, timeout=LONGEST)
            for tab in page.locator(TABS).all():
                name = tab.text_content().strip().lower()
                tab.click()
                page.wait_for_selector("[role=tabpanel]:visible")
                painted(page)
                page.screenshot(path=folder / f"{name}-{width}-{theme}.png", full_page=True)
            page.close()


if __name__ == "__main__":
    main(every="--every" in sys.argv)
