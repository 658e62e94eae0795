"""No serious fault of accessibility in any lens, as axe-core finds them (tests/axe, MPL 2.0)."""

from pathlib import Path

import pytest
from browser import LONGEST

from playground.page.page import LENSES

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text(encoding="utf-8")
TOLD = ("serious", "critical")
RUN = """async ([part, levels]) => {
  const found = await axe.run(part, { resultTypes: ['violations'], runOnly: levels });
  return found.violations.map(({ id, impact, nodes }) =>
    [impact, id, nodes.map(({ target }) => target)]);
}"""
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
# How a lens shows that it is there.
LAID_OUT = {
    "Studio": "#explorer .words button",
    "Guidance": "#lookahead .picture",
    "Attention": "#attention canvas",
    "Samplers": "#schedules .rows button",
    "Family": "#systems table",
    "Lecture": "#lecture-stops .title",
}


@pytest.mark.parametrize(
    ("theme", "width"), [("light", 1280), pytest.param("dark", 390, marks=pytest.mark.slow)]
)
def test_no_lens_has_a_serious_fault(visit, theme, width):
    page = visit(f"/?__theme={theme}", viewport={"width": width, "height": 900})
    page.add_script_tag(content=AXE)
    page.add_style_tag(content="* { transition: none !important }")  # no colour on its way
    found = []
    for lens in LENSES:
        page.get_by_role("tab", name=lens.name).click()
        page.wait_for_selector(LAID_OUT[lens.name], timeout=LONGEST)
        part = "body" if lens is LENSES[0] else "#lenses"  # the recipe is the same beside all
        faults = page.evaluate(RUN, [part, LEVELS])
        found += [(lens.name, fault) for fault in faults if fault[0] in TOLD]
    assert found == []
