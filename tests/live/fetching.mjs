// Fetches a file from a server that breaks off, damages, refuses, and knows ranges or not; then with a
// browser that keeps files, that is full, and that kept those of another edition.
// argv: the folder of the page's modules. Writes what came of each case.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { gzipSync } from "node:zlib";
import { pathToFileURL } from "node:url";

const { allKept, bytesOf, tidy } = await import(new URL("js/files/fetching.js", pathToFileURL(`${process.argv[2]}/`)));
let state = 7;
const inside = Buffer.from(Uint8Array.from({ length: 300_000 }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24)); // gzip cannot shorten it
const content = gzipSync(inside), hash = (bytes) => createHash("sha256").update(bytes).digest("hex");
const entry = { path: "model.onnx.gz", sha256: hash(content), bytes: content.length, unpacked: { sha256: hash(inside), bytes: inside.length } };

// What each request is answered with, in turn; the last goes on.
const CASES = {
  whole: [{}], broken: [{ until: 100_000 }, {}], twice: [{ until: 90_000 }, { until: 60_000 }, {}],
  rangeless: [{ until: 100_000 }, { ranges: false }], damaged: [{ damage: true }, {}], missing: [{ status: 404 }],
  down: [{ until: 10 }, { status: 503 }],
};
const found = {};

/** What a browser keeps, in memory; a full one refuses as browsers do. */
class Kept extends Map {
  constructor(full) {
    super();
    this.full = full;
  }
  open = async () => ({
    match: async (name) => this.get(name)?.clone(),
    keys: async () => [...this.keys()].map((url) => ({ url })),
    delete: async (name) => this.delete(name),
    put: async (name, response) => {
      if (this.full) throw new DOMException("The quota has been exceeded.", "QuotaExceededError");
      this.set(name, response);
    },
  });
}

/** A server that only counts. */
async function counted(work) {
  let asked = 0;
  const server = createServer((_, response) => (asked++, response.end(content)));
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const fetched = async () => Buffer.compare(Buffer.from(await bytesOf(entry, `http://127.0.0.1:${server.address().port}/`)), inside) === 0;
  const result = await work(fetched);
  server.closeAllConnections();
  server.close();
  return { ...result, asked };
}
for (const [name, answers] of Object.entries(CASES)) {
  const asked = [];
  const server = createServer((request, response) => {
    const { until, ranges = true, damage, status } = answers[Math.min(asked.length, answers.length - 1)], range = request.headers.range ?? null;
    asked.push(range);
    if (status) return response.writeHead(status).end();
    const from = ranges && range ? Number(/\d+/.exec(range)[0]) : 0, rest = Buffer.from(content.subarray(from));
    if (damage) rest[5] ^= 255;
    response.writeHead(from ? 206 : 200, { "Content-Length": rest.length });
    if (until === undefined) return response.end(rest);
    response.write(rest.subarray(0, until), () => setTimeout(() => response.destroy(), 50));
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  let told = 0;
  try {
    const bytes = await bytesOf(entry, `http://127.0.0.1:${server.address().port}/`, (more) => (told += more));
    found[name] = { equal: Buffer.compare(Buffer.from(bytes), inside) === 0, told: told === content.length, asked };
  } catch (error) {
    found[name] = { error: error.message, asked };
  }
  server.closeAllConnections();
  server.close();
}
for (const full of [false, true]) {
  found[full ? "full" : "kept"] = await counted(async (fetched) => {
    globalThis.caches = new Kept(full);
    return { equal: [await fetched(), await fetched()], all: await allKept([entry]) };
  });
}
found.next = await counted(async (fetched) => {
  const kept = (globalThis.caches = new Kept(false)), other = { ...entry, unpacked: { ...entry.unpacked, sha256: "0".repeat(64) } };
  await fetched();
  for (const name of ["1".repeat(64), `part-${entry.sha256}`, `part-${"2".repeat(64)}`]) kept.set(`https://kept.invalid/${name}`, new Response("old"));
  await tidy({ files: { model: entry, other } });
  return { names: [...kept.keys()].map((url) => url.split("/").at(-1)), again: await fetched(), all: await allKept([entry, other]) };
});
process.stdout.write(JSON.stringify(found));
