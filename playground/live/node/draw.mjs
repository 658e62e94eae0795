// Draws runs of tasks with a folder of the live edition, as its worker would, one after the other:
// node draw.mjs FOLDER < {"models": […], "runs": [{"tasks": […], "heads": false, "judged": false}]}. A
// run is the list of what is told of its cells, or {"refused": reason}. A task's `picture` [height,
// width, 3] is read, at its model's levels. A run with an `edit` has more cells than tasks, and one with
// `worked` {prompt, t, x, y} works out a position of its only task's noise instead of drawing it.
import { ask, given, started } from "./service.mjs";

const list = ({ shape, data }) => ({ shape, data: [...data] });

/** What of one cell's events is compared with Python's. */
async function told(events, cell, { heads, judged }) {
  const mine = events.filter((event) => event.cell === cell), steps = mine.filter(({ kind }) => kind === "step"), end = mine.at(-1), last = steps.at(-1);
  if (end.kind !== "picture") return { failure: end.reason };
  return {
    latents: list(end.latents), image: list(end.image), calls: end.calls, rows: end.rows, shared: end.shared, seconds: end.seconds,
    maps: last.maps && mapped(last.maps, list), previews: mapped(last.previews, list),
    heads: heads && mapped(last.heads.cond, ({ layers, codes }) => ({ layers, codes: list(codes) })),
    exact: end.exact && { path: list(end.exact.path), bound: end.exact.bound },
    verdict: !judged ? null : (await ask({ ask: "judge", recipe: end.recipe, image: end.image })),
  };
}

/** A picture's latents, and the levels at which it is read. @param {string} model */
async function latentsOf(model, { shape: [h, w], data }) {
  const rgba = Uint8ClampedArray.from({ length: 4 * h * w }, (_, i) => (i % 4 < 3 ? data[3 * Math.floor(i / 4) + (i % 4)] : 255));
  const [latents, { facts }] = [await ask({ ask: "encode", model, image: { shape: [h, w, 4], data: rgba } }), await ask({ ask: "open", model })];
  return { latents, levels: facts.reading };
}

const mapped = (record, make) => Object.fromEntries(Object.entries(record).map(([name, value]) => [name, make(value)]));

/** @param {import("../js/engine/protocol.js").Recipe} recipe */
async function workedOut({ model, seed, height, width, guidance }, { prompt, t, x, y }) {
  return ask({ ask: "workOut", model, prompt, t, x, y, w: guidance, latents: await ask({ ask: "noise", model, seed, height, width }) });
}

const { models, runs } = given(), drawn = [];
await started;
for (const model of models) await ask({ ask: "open", model });
for (const { tasks, heads = false, judged = false, edit = null, worked = null } of runs) {
  if (worked) {
    drawn.push(await workedOut(tasks[0].recipe, worked));
    continue;
  }
  for (const task of tasks) if (task.picture) task.given = await latentsOf(task.recipe.model, task.picture);
  const run = ask({ ask: "submit", tasks, record: true, heads, section: "", edit });
  drawn.push(await run.then((events) => Promise.all(events[0].counts.map((_, cell) => told(events, cell, { heads, judged }))), ({ message }) => ({ refused: message })));
}
process.stdout.write(JSON.stringify(drawn));
