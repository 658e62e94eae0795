"""No serious fault of accessibility in any lens, as axe-core finds them (tests/axe, MPL 2.0)."""

from pathlib import Path

from browser import LONGEST, painted

from playground.page.page import LENSES

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text(encoding="utf-8")
TOLD = ("serious", "critical")
RUN = """async () => {
  const found = await axe.run(document.body, { resultTypes: ['violations'] });
  return found.violations.map(({ id, impact, nodes }) =>
    ({ id, impact, nodes: nodes.map(({ target, failureSummary }) => [target.join(' '), failureSummary]) }));
}"""  # noqa: E501
# How a lens shows that it is there.
LAID_OUT = {
    "Studio": "#explorer .words button",
    "Guidance": "#lookahead .picture",
    "Attention": "#attention canvas",
    "Samplers": "#schedules .rows button",
    "Family": "#systems table",
    "Lecture": "#lecture-stops .title",
}


def test_no_lens_has_a_serious_fault(visit):
    """One visit, because a page takes seconds to open: wide and light, then narrow and dark."""
    page, found = visit("/?__theme=light"), {}
    page.add_script_tag(content=AXE)
    for lens in LENSES:
        page.set_viewport_size({"width": 1280, "height": 900})
        page.get_by_role("tab", name=lens.name).click()
        page.wait_for_selector(LAID_OUT[lens.name], timeout=LONGEST)
        for theme, width in (("light", 1280), ("dark", 390)):
            page.set_viewport_size({"width": width, "height": 900})
            page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", theme == "dark")
            painted(page)
            faults = [fault for fault in page.evaluate(RUN) if fault["impact"] in TOLD]
            if faults:
                found[f"{lens.name}, {theme}"] = faults
        page.evaluate("() => document.body.classList.remove('dark')")
    assert found == {}
