// What the static page makes of grids, tables, errors and paths: the same questions as to Python.
// argv: the folder of the page's modules. stdin: {site, page, recipe, grids, measured, errors, path, networks}.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const from = (name) => import(new URL(name, pathToFileURL(`${process.argv[2]}/`)));
const { About } = await from("js/page/about.js");
const errors = await from("js/page/data/errors.js");
const grid = await from("js/page/data/grid.js");
const inside = await from("js/page/data/inside.js");
const own = await from("js/page/data/own.js");
const paths = await from("js/page/data/paths.js");

const given = JSON.parse(readFileSync(0, "utf8")), about = new About(given.site, given.page), { recipes } = about, recipe = recipes.fromQuery(given.recipe);
const page = { about, kept: new Map(), models: { ready: new Map() } }; // nothing is open, nothing is kept
const labels = (values) => values.map(({ label }) => label);

/** Its cells as links or reasons, its names and notes, and what it would cost. */
async function gridded(ask) {
  try {
    const { columns, rows, cells, notes } = grid.plan(about, ask);
    const shown = cells.map((row) => row.map((one) => one.reason ?? recipes.toQuery(one)));
    return { value: { columns: labels(columns), rows: labels(rows), cells: shown, notes, cost: await grid.cost(page, ask) } };
  } catch (error) {
    return { error: error.message };
  }
}

/** How straight a path is in each frame, and where it lies in its plane, whose axes may point either way. */
function straight({ latents, levels }) {
  const seen = paths.FRAMES.map((frame) => paths.path(frame, latents, levels)), { share, place } = paths.plane(latents);
  return { bends: seen.map(paths.bend), furthest: seen.map(paths.furthest), share, places: latents.map((one) => place(one).map(Math.abs)) };
}

const { lines, bound } = given.errors, named = new Map(lines), rows = given.measured;
process.stdout.write(JSON.stringify({
  grids: await Promise.all(given.grids.map(gridded)),
  own: { table: own.table(about, recipe, rows, "", null), charts: own.charts(about, recipe, rows), cost: own.cost(page, recipe, "1, 5") },
  errors: { series: errors.series(about, named, bound), text: errors.crossing(about, named, bound) },
  path: straight(given.path),
  inside: given.networks.map(({ kind, config, latents, words }) => inside[kind]("it", config, latents, words)),
}));
