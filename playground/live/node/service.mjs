// The engine's worker in Node, with a folder of the live edition (argv: the folder, and options as JSON).
import { readFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Service } from "../js/engine/service.js";
import { unpacked } from "../js/files/fetching.js";

const base = pathToFileURL(`${process.argv[2]}/site.json`).href, waiting = new Map();
export const service = new Service({
  bytesOf: async ({ path, unpacked: inside }) => {
    const bytes = new Uint8Array(readFileSync(fileURLToPath(new URL(path, base))));
    return inside ? unpacked(bytes, inside) : bytes;
  },
  read: async (url) => JSON.parse(readFileSync(fileURLToPath(url), "utf8")),
  say: (said) => waiting.get(said.id)?.(said),
});

let last = 0;
/** Everything that is said to one question. */
export function ask(question) {
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

const options = { provider: "wasm", threads: 1, ...JSON.parse(process.argv[3] ?? "{}") };
export const started = ask({ ask: "start", site: base, options });
export const given = () => JSON.parse(readFileSync(0, "utf8"));
