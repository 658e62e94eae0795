"""Make the README's picture of the page from the running app: `make screenshot`."""

from browser import DRAWN, ROOT, chromium, painted, running_app


def main() -> None:
    with running_app() as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        page.goto(address + "/?__theme=light")
        page.wait_for_function(DRAWN, timeout=60_000)
        page.hover("#explorer .words button:nth-child(6)")
        painted(page)
        page.screenshot(path=ROOT / "assets" / "screenshot.png")


if __name__ == "__main__":
    main()
