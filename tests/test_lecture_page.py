"""The guided lecture in a browser: a way of stops, a link to one, and back into the lab."""

from browser import LONGEST, asked, painted

STOP = "document.querySelector('#lecture').dataset.stop"
SHOWN = (
    "() => [...document.querySelectorAll('#lecture [id^=stop-]')].filter((e) =>"
    " e.checkVisibility()).map((e) => e.id)"
)


def test_a_visitor_is_led_and_comes_back_to_where_they_were(browser, address):
    """One visit, because a page takes seconds to open."""
    errors, page = [], browser.new_page(viewport={"width": 390, "height": 844})
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address + "/?stop=2&__theme=dark")
    stops = page.locator("#lecture-stops .all button")
    page.wait_for_selector("#lecture-stops [aria-current=step]", timeout=LONGEST)
    assert page.text_content("#lecture-stops .title") == "The learned reverse"
    assert page.evaluate(SHOWN) == ["stop-reverse"]
    assert "__theme=dark" in page.url

    # The figure is the run that is shown, without a request.
    page.wait_for_selector("#lecture-reverse .strip button", timeout=LONGEST)
    requests = asked(page)
    last = page.locator("#lecture-reverse .strip button").last
    last.click()
    assert page.text_content("#lecture-reverse .said").startswith("0 of 255")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    # By keyboard to the next stop; which were seen is remembered.
    page.focus("#lecture-stops .next")
    page.keyboard.press("Enter")
    assert page.evaluate(STOP) == "conditioning"
    assert page.evaluate("document.activeElement.className") == "title"
    assert stops.nth(1).get_attribute("aria-label").endswith(", seen")
    assert "stop=3" in page.url
    link = page.get_attribute("#lecture-stops .link", "href")
    assert "lens=Lecture" in link
    assert "stop=3" in link
    assert "__theme=dark" in link
    assert requests == []

    # Answers are kept, and measured when asked for.
    stops.last.click()
    page.locator("#lecture-check fieldset").first.get_by_text("Heun with 10 steps").click()
    page.click("#lecture-check-start")
    page.wait_for_function(
        "document.querySelector('#lecture-check .status').textContent.includes(' right.')",
        timeout=LONGEST,
    )
    first = page.locator("#lecture-check fieldset").first
    assert first.get_attribute("class") == "right"
    assert "19 network calls" in first.inner_text()

    # A reload comes back to the stop; the lab gets the stop's recipe and draws it.
    page.goto(address + "/?lens=Lecture&__theme=dark")
    page.wait_for_selector("#lecture-check input:checked", timeout=LONGEST)
    assert page.evaluate(STOP) == "check"
    stops.nth(3).click()
    page.click("#lecture-stops .lab")
    page.wait_for_function(
        "document.querySelector('#recipe-prompt textarea').value === 'a red square'",
        timeout=LONGEST,
    )
    page.wait_for_selector("#worked", timeout=LONGEST)
    painted(page)
    assert page.get_by_role("tab", name="Attention").get_attribute("aria-selected") == "true"
    page.wait_for_function(
        "new URLSearchParams(location.search).get('r') !== null", timeout=LONGEST
    )  # the picture has been drawn
    page.close()
    assert errors == []
