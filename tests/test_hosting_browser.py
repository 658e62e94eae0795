"""The page in Chromium under its Content-Security-Policy: all of it works, nothing else does."""

from browser import DRAWN, LONGEST

ELSEWHERE = """async () => {
    const found = {};
    try { await fetch('https://example.org/'); found.fetch = true } catch { found.fetch = false }
    found.image = await new Promise((done) => {
        const image = new Image();
        image.onload = () => done(true); image.onerror = () => done(false);
        image.src = 'http://127.0.0.2:9/x.png';
    });
    found.script = await new Promise((done) => {
        const script = document.createElement('script');
        script.onload = () => done(true); script.onerror = () => done(false);
        script.src = 'http://127.0.0.2:9/x.js'; document.head.append(script);
    });
    return found;
}"""


def test_the_page_lives_with_its_policy_and_loads_nothing_from_elsewhere(visit):
    page = visit()
    refused, ran = [], []
    page.on("dialog", lambda dialog: (ran.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda said: refused.append(said.text) if said.type == "error" else None)
    page.reload()
    page.wait_for_selector("#explorer .words button", timeout=LONGEST)
    for tab in page.get_by_role("tab").all():
        tab.click()
    page.get_by_role("tab").first.click()
    page.locator("#recipe-prompt textarea").fill("<img src=x onerror=alert(1)> a red square")
    page.locator("#draw").click()
    page.wait_for_function(DRAWN, timeout=LONGEST)
    assert [text for text in refused if "Content Security Policy" in text] == []
    assert ran == []
    assert page.evaluate(ELSEWHERE) == {"fetch": False, "image": False, "script": False}
    told = [text for text in refused if "Content Security Policy" in text]
    assert len(told) >= 3  # the policy, not the network, has refused each of them
