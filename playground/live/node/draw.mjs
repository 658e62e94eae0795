// Draws runs of tasks with a folder of the live edition, as its worker would, one after the other:
// node draw.mjs FOLDER < {"models": […], "runs": [{"tasks": […], "heads": false}]}. A run is the list
// of what is told of its cells, or {"refused": reason}.
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

/** What of one cell's events is compared with Python's. */
function told(events, cell, heads) {
  const mine = events.filter((event) => event.cell === cell), steps = mine.filter(({ kind }) => kind === "step"), end = mine.at(-1), last = steps.at(-1);
  if (end.kind !== "picture") return { failure: end.reason };
  return {
    latents: list(end.latents), image: list(end.image), calls: end.calls, rows: end.rows, shared: end.shared, seconds: end.seconds,
    maps: last.maps && mapped(last.maps, list), previews: mapped(last.previews, list),
    heads: heads && mapped(last.heads.cond, ({ layers, codes }) => ({ layers, codes: list(codes) })),
    exact: end.exact && { path: list(end.exact.path), bound: end.exact.bound },
  };
}

const mapped = (record, make) => Object.fromEntries(Object.entries(record).map(([name, value]) => [name, make(value)]));

const { models, runs } = JSON.parse(readFileSync(0, "utf8")), drawn = [];
await ask({ ask: "start", site: base, options: { provider: "wasm", threads: 1 } });
for (const model of models) await ask({ ask: "open", model });
for (const { tasks, heads = false } of runs) {
  const run = ask({ ask: "submit", tasks, record: true, heads, section: "" });
  drawn.push(await run.then((events) => tasks.map((_, cell) => told(events, cell, heads)), ({ message }) => ({ refused: message })));
}
process.stdout.write(JSON.stringify(drawn));
