// What is said when the engine's worker cannot be started: node starting.mjs FOLDER. The answers are the
// reasons that each question got, "" for one that is open.
import { pathToFileURL } from "node:url";

const { Engine } = await import(new URL("js/engine/session.js", pathToFileURL(`${process.argv[2]}/`)));

/** An engine, and two questions: one before its worker fails, one after. */
async function failing(before) {
  const worker = { postMessage() {} }, engine = new Engine("http://here/site.json", worker), said = ["", ""];
  const ask = (at) => void engine.ask({ ask: "start" }).catch((error) => (said[at] = error.message));
  if (before === "heard") worker.onmessage({ data: { id: 0, say: "progress" } });
  if (before !== "nothing") ask(0);
  worker.onerror({ message: "" });
  ask(1);
  await new Promise((resume) => setTimeout(resume));
  return said;
}

process.stdout.write(JSON.stringify({ nothing: await failing("nothing"), asked: await failing("asked"), heard: await failing("heard") }));
