// What becomes of other options, with workers that only say what a case tells them to: is the new one
// taken, and what reads the visitor? argv: the folder of the page's modules. Prints one JSON object.
import { pathToFileURL } from "node:url";

const from = (name) => import(new URL(name, pathToFileURL(`${process.argv[2]}/`)));
const { Models } = await from("js/page/opening.js"), choosing = await from("js/page/choosing.js");
const found = {}, workers = [];
const browser = (hardwareConcurrency, isolated, userAgent = "Chrome") => {
  Object.defineProperty(globalThis, "navigator", { value: { hardwareConcurrency, userAgent, maxTouchPoints: 0 }, configurable: true });
  globalThis.crossOriginIsolated = isolated;
  return choosing.threadsHere();
};
browser(2, false);

/** Answers as the worker of js/engine/worker.js; `said` of each in turn: seconds of a call, why it is refused, how long a run takes. */
let said = [];
globalThis.Worker = class {
  constructor() {
    this.does = said.shift() ?? {};
    this.asked = [];
    workers.push(this);
  }
  async postMessage({ id, ask, model, options }) {
    this.asked.push(ask);
    const { seconds = 1, refused = null, broken, lasts } = this.does;
    if (ask === "start") this.options = options;
    await new Promise((resume) => setTimeout(resume, ask === "submit" ? lasts : 0));
    if (this.ended) return;
    if (ask === broken) return this.onmessage({ data: { id, say: "error", reason: "It broke." } });
    const value = { start: {}, open: { facts: { name: model }, opened: { ...this.options, model, refused } }, time: seconds }[ask];
    this.onmessage({ data: ask === "submit" ? { id, say: "end" } : { id, say: "answer", value } });
  }
  terminate() {
    this.ended = true;
  }
};

const GPU = { provider: "webgpu", threads: 1, weights: "half" };

/** What other options come to, after `open`ed models; `meanwhile` happens while they get ready. */
async function tried(cases, options, { speed = true, open = ["a"], meanwhile = () => {} } = {}) {
  workers.length = 0;
  said = cases;
  const models = new Models(new URL("http://here/site.json"));
  for (const name of open) await models.session(name);
  const changing = models.change(options, { speed }).then((seconds) => ({ seconds }), (error) => ({ refused: error.message }));
  await meanwhile(models);
  const result = await changing, session = await models.session(open[0]);
  return { ...result, provider: session.opened.provider, options: models.options.provider, ended: workers.map(({ ended }) => !!ended), said: await session.callSeconds().then(() => workers.findLastIndex(({ asked }) => asked.includes("seconds"))) };
}

found.faster = await tried([{ seconds: 1 }, { seconds: 0.5 }], GPU);
found.slower = await tried([{ seconds: 1 }, { seconds: 0.95 }], GPU);
found.wrong = await tried([{}, { refused: "It gives other numbers.", seconds: 0.1 }], GPU);
found.broken = await tried([{}, { broken: "start" }], GPU);
found.unasked = await tried([{ seconds: 1 }, { seconds: 9 }], { ...GPU, weights: "int8" }, { speed: false });
{ // a run goes on to its end before another worker takes over, and a model that is opened meanwhile is open there
  let ended = 0;
  const busy = await tried([{ seconds: 1, lasts: 300 }, { seconds: 0.5 }], GPU, {
    meanwhile: async (models) => {
      const session = await models.session("a");
      void (async () => {
        for await (const _ of session.submit([{ recipe: {} }]));
        ended = workers.length && !workers[0].ended ? 1 : -1;
      })();
      await models.session("b");
    },
  });
  found.busy = { ...busy, ended: ended === 1, open: workers[1].asked.filter((ask) => ask === "open").length };
}
{ // begun anew before anything is there
  workers.length = 0;
  said = [{ broken: "start" }, {}, {}];
  const models = new Models(new URL("http://here/site.json"));
  models.options = { provider: "wasm", threads: 4, weights: "int8" };
  const first = await models.session("a").catch(({ message }) => message), { threads } = (await models.session("a")).opened;
  const again = models.restart({ ...models.options, weights: "half" }), { weights } = (await models.session("a")).opened;
  found.anew = { first, threads, again, weights, ended: workers.map(({ ended }) => !!ended) };
}
{ // threads, and what is kept
  found.threads = [browser(2, true), browser(4, true), browser(64, true), browser(8, false), browser(1, true), browser(6, true, "iPhone")];
  const kept = (text) => {
    globalThis.localStorage = { getItem: () => text };
    return choosing.kept();
  };
  found.kept = [null, "no JSON", '{"choice":{"provider":"magic","weights":"half"},"tried":{"threads":"many"}}', '{"choice":{"provider":"webgpu","weights":"int8"},"tried":{"of":"1","threads":2,"said":""}}'].map(kept);
}
process.stdout.write(JSON.stringify(found));
