// Draws tasks with a folder of the live edition, as its worker would: node draw.mjs FOLDER < tasks.
import { readFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gunzipSync } from "node:zlib";
import { Service } from "../js/engine/service.js";

const base = pathToFileURL(`${process.argv[2]}/site.json`).href, waiting = new Map();
const service = new Service({
  bytesOf: async ({ path, unpacked }) => {
    const bytes = readFileSync(fileURLToPath(new URL(path, base)));
    return new Uint8Array(unpacked ? gunzipSync(bytes) : bytes);
  },
  read: async (url) => JSON.parse(readFileSync(fileURLToPath(url), "utf8")),
  say: (said) => waiting.get(said.id)?.(said),
});

let last = 0;
/** Everything that is said to one question. */
function ask(question) {
  const id = ++last, events = [];
  return new Promise((resolve, reject) => {
    waiting.set(id, (said) => {
      if (said.say === "event") events.push(said.event);
      if (said.say === "answer") resolve(said.value);
      if (said.say === "error") reject(new Error(said.reason));
      if (said.say === "end") resolve(events);
    });
    void service.answer({ id, ...question });
  });
}

const list = ({ shape, data }) => ({ shape, data: [...data] });
const { tasks, heads = false } = JSON.parse(readFileSync(0, "utf8"));
await ask({ ask: "start", site: base, options: { provider: "wasm", threads: 1 } });
for (const model of new Set(tasks.map(({ recipe }) => recipe.model))) await ask({ ask: "open", model });
const events = await ask({ ask: "submit", tasks, record: true, heads, section: "" });
const drawn = tasks.map((task, cell) => {
  const mine = events.filter((event) => event.cell === cell), steps = mine.filter(({ kind }) => kind === "step"), end = mine.at(-1);
  if (end.kind !== "picture") return { failure: end.reason };
  const maps = steps.map((step) => step.maps && Object.fromEntries(Object.entries(step.maps).map(([grid, map]) => [grid, list(map)])));
  const last = steps.at(-1), kept = heads && Object.fromEntries(Object.entries(last.heads.cond).map(([grid, { layers, codes }]) => [grid, { layers, codes: list(codes) }]));
  return {
    latents: list(end.latents), image: list(end.image), calls: end.calls, rows: end.rows, shared: end.shared, maps: [maps[0], maps.at(-1)],
    previews: Object.fromEntries(Object.entries(last.previews).map(([name, map]) => [name, list(map)])), heads: kept, seconds: end.seconds,
    path: end.exact && list(end.exact.path), bound: end.exact?.bound,
  };
});
process.stdout.write(JSON.stringify(drawn));
