"""The page's part of the folder: the served page's own views, wrapped for a page without gradio.

A view stays as it is: its template and behaviour become one module, its style is scoped by a class.
`js/page/views.js` gives it the same `element`, `props`, `watch` and `trigger` as gradio does.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from playground.live.folder import hash_of
from playground.live.lens_data import NAMES
from playground.live.page_data import page_data
from playground.models import specs
from playground.models.load import load
from playground.models.specs import ModelSpec
from playground.page import live
from playground.page.attention import reading
from playground.page.attention.views import attention, edits, worked
from playground.page.family import measured as family_measured
from playground.page.family import systems as family_systems
from playground.page.family.views import drawn, inside, policy, systems
from playground.page.grid import view as grid
from playground.page.guidance import measured as guidance_measured
from playground.page.guidance import training
from playground.page.guidance.views import filmstrip, lookahead, toy
from playground.page.lecture.views import check, listened, reverse, stops
from playground.page.page import LENSES
from playground.page.remembering import connecting
from playground.page.remembering.facts import stamp
from playground.page.samplers import measured as samplers_measured
from playground.page.samplers import schedules as grids
from playground.page.samplers.views import (
    counting,
    errors,
    lecture,
    mixture,
    noising,
    race,
    schedules,
    trajectories,
)  # fmt: skip
from playground.page.serving import EXAMPLE
from playground.page.shared import curves, saved, terms, tradeoff
from playground.page.shared.curves import Panel
from playground.page.shared.tradeoff import COLUMNS, Column
from playground.page.shared.view import SHARED, View
from playground.page.studio.views import explorer, pipeline
from playground.page.words import known
from playground.page.words import view as words
from playground.recipe import Recipe

HERE = Path(__file__).parent
VIEWS: dict[str, View] = {
    module.__name__.rsplit(".", 1)[-1]: module.VIEW
    for module in (
        explorer, pipeline, lookahead, filmstrip, attention, worked, edits, saved, race, errors,
        mixture, schedules, noising, counting, lecture, drawn, inside, policy, systems, tradeoff,
        curves, stops, reverse, listened, check, toy, trajectories,
    )
} | {"grid": grid.VIEW, "words": words.VIEW}  # fmt: skip
FIRST = ("explorer", "pipeline", "words")  # what stands there first
SHELL = ("index.html", "own.html", "page.css", "icon.svg", "page.json", "site.json",
         "manifest.webmanifest", "own-picture.png")  # fmt: skip


def page_files() -> dict[str, bytes]:
    """Content by its path in the folder; `service_worker` comes when all files are known."""
    written = {
        "index.html": (HERE / "index.html").read_text(encoding="utf-8"),
        "manifest.webmanifest": (HERE / "manifest.webmanifest").read_text(encoding="utf-8"),
        "icon.svg": (HERE / "icon.svg").read_text(encoding="utf-8"),
        "own.html": (HERE / "own.html").read_text(encoding="utf-8"),
        "page.css": style(),
        "page.json": compact(page_data()),
    }
    written |= scripts()
    written |= {f"views/{name}.js": module(view) for name, view in VIEWS.items()}
    written |= {f"shown/{name}.json": compact(data) for name, data in shown().items()}
    found = {path: text.encode() for path, text in written.items()}
    return found | {reading.OURS.name: reading.OURS.read_bytes()}


def scripts() -> dict[str, str]:
    """Scripts of the served page as modules."""
    arrivals = [lens.script for lens in LENSES]
    return {
        "js/page/typing.js": f"export default {live.LISTEN}",
        "js/page/terms.js": f"export default {terms.listen()}",
        "js/page/remembering.js": f"export default {remembering()}",
        "js/page/arrivals.js": f"export default [{', '.join(one for one in arrivals if one)}]",
        "js/page/shared.js": shared_module(),
    }


def remembering() -> str:
    """What keeps and says what was typed and drawn; there is no server that could be silent."""
    code = stamp() + "".join(hash_of(p.read_bytes()) for p in sorted((HERE / "js").rglob("*.js")))
    kept = [name for name in connecting.SCRIPTS if name not in ("refused", "server")]
    return connecting.script(NAMES, kept, hash_of(code.encode())[:16])


def modules() -> dict[str, bytes]:
    """All modules of the page, without models, examples and views: enough for Node."""
    found = {
        path.relative_to(HERE).as_posix(): path.read_bytes() for path in (HERE / "js").rglob("*.js")
    }
    return found | {path: text.encode() for path, text in scripts().items()}


def style() -> str:
    """The static page's style, that of terms, and every view's under its class."""
    page = (HERE / "js" / "page" / "page.css").read_text(encoding="utf-8")
    own = [page, connecting.STYLE, terms.STYLE]
    own += [lens.style for lens in LENSES if lens.style]
    scoped = [f".view-{name} {{\n{view.css_template}\n}}\n" for name, view in VIEWS.items()]
    return "\n".join([*own, *scoped])


def module(view: View) -> str:
    """A view as a module: its template, and a function that is called once it stands there."""
    return (
        f"export const template = {json.dumps(view.html_template)};\n"
        "export default function (element, props, watch, trigger) {\n"
        f"{view.js_on_load}\n}}\n"
    )


def shared_module() -> str:
    """What views have at hand, for modules that make views' data."""
    names = ("percent", "counted", "product")
    return f"{SHARED.read_text(encoding='utf-8')}\nexport {{ {', '.join(names)} }};\n"


def shown() -> dict[str, dict]:
    """What stands there before anything is computed, by the view's element."""
    found = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    card = specs.get(Recipe().model).card
    if rows := card.get("guidance"):
        found["tradeoff"] = tradeoff.folded(guidance_measured.measured(rows))
        found["tradeoff-curves"] = charts(guidance_measured.plotted(rows), "w")
    if rows := card.get("variants"):
        table = guidance_measured.variants(rows)
        found["variants"] = tradeoff.folded(table | {"text": ""})
        measures, panels = guidance_measured.MEASURES, guidance_measured.panels(rows)
        found["variants-curves"] = charts(panels, "guidance", table["text"], measures)
    if solvers := card.get("solvers"):
        found["errors-measured"] = samplers_measured.measured(solvers)
        found["errors-stochastic"] = tradeoff.folded(samplers_measured.stochastic(solvers))
        found["stochastic-curves"] = charts(samplers_measured.fresh(solvers), "fresh-noise")
    if rows := card.get("family"):
        found["family-samplers"] = family_measured.sampling(rows)
    if family_measured.TOLD.exists():
        told = json.loads(family_measured.TOLD.read_text(encoding="utf-8"))
        found["telling"] = family_measured.telling(told)
    found["toy"] = json.loads(training.TRAINED.read_text(encoding="utf-8"))
    found["systems"] = family_systems.shown()
    found["words"] = known.of(Recipe().model)
    found["mixture"] = grids.plane_data()
    return found | {f"schedules-{spec.name}": schedules_of(spec) for spec in specs.MODELS.values()}


def schedules_of(spec: ModelSpec) -> dict:
    """What the view of schedules shows of a built-in model; of the usual one it is at hand."""
    if spec.name == Recipe().model:
        return grids.of_model(spec.name)
    model = load(spec.name)
    return grids.computed(spec.name, lambda steps: model.timing(steps, spec.side, spec.side))


def charts(
    panels: list[Panel], name: str, text: str = "", measures: tuple[Column, ...] = COLUMNS
) -> dict:
    """Curves whose numbers can be saved; figures as files need Python."""
    return curves.chart(panels, measures, text, f"latent-playground-{name}", figures=False)


def service_worker(
    hashes: Mapping[str, str], version: str, entries: Mapping[str, dict] | None = None
) -> bytes:
    """sw.js for a folder whose files have these hashes, by path: it keeps the page itself.

    What the worker fetches by its hash (models, the runtime's WebAssembly: `entries` as in
    site.json) it leaves alone; unpacked WebAssembly it hands over, once it is kept.
    """
    first = {f"shown/{name}.json" for name in FIRST}
    kept = {
        path: digest[:16]
        for path, digest in sorted(hashes.items())
        if path in SHELL or path.startswith(("js/", "views/", "shown/")) or path.endswith(".mjs")
    }
    early = [p for p in kept if not p.startswith("shown/") or p in first]
    inside = {
        entry["path"].removesuffix(".gz"): entry["unpacked"]["sha256"]
        for entry in (entries or {}).values()
        if entry["path"].endswith(".wasm.gz")
    }
    # Not the version alone: editions of one version may be published every day.
    edition = hashlib.sha256(json.dumps([kept, inside]).encode()).hexdigest()[:12]
    head = (
        f"const VERSION = {json.dumps(f'{version}-{edition}')};\n"
        f"const EARLY = {json.dumps(early)};\n"
        f"const KEPT = {json.dumps(kept)};\nconst INSIDE = {json.dumps(inside)};\n"
    )
    return (head + (HERE / "js" / "page" / "sw.js").read_text(encoding="utf-8")).encode()


def compact(data) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
