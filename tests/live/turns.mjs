// The engine's turns, with a network that only says tanh of its latents: what happens to runs that are
// cancelled, replaced, dropped from, or have a cell that fails. Prints one JSON object.
import { readFileSync } from "node:fs";
import { Cell } from "../../playground/live/js/engine/cells.js";
import { Drawing, MAX_ROWS } from "../../playground/live/js/engine/drawing.js";

const { model, recipe } = JSON.parse(readFileSync(0, "utf8")), found = {};
const prompt = (text) => ({ text, words: [], weights: null, ids: [], roles: [], columns: [] });
const prompts = { cond: prompt("a cat"), uncond: prompt("") };

/** An engine whose network counts its calls and their rows; `broken` seeds give no numbers. */
function engine(broken = []) {
  const drawing = new Drawing(), calls = [];
  const network = {
    predict: async (rows) => {
      calls.push(rows.length);
      if (rows.some(({ latents }) => broken.some((seed) => latents[0] === firstOf(seed)))) throw new Error("It is broken.\nmore");
      return rows.map(({ latents }) => ({ prediction: latents.map(Math.tanh), maps: null, heads: null }));
    },
    decode: async () => ({ shape: [1, 1, 4], data: new Uint8ClampedArray(4) }),
  };
  drawing.networks.set(model.name, { network, provider: "test" });
  return { drawing, calls };
}

const cellOf = (seed, changes = {}, index = 0) => new Cell(index, { recipe: { ...recipe, seed, ...changes } }, model, prompts, false, false);
const firstOf = (seed) => cellOf(seed).latents[0];

/** A run that is told to `on` and resolves to what it heard. */
function start({ drawing }, section, cells, on = () => {}) {
  const heard = [];
  let run;
  const ended = new Promise((resolve) => {
    run = { section, cells, say: (event) => (event ? (heard.push(event), on(event, run)) : resolve(heard)) };
    drawing.add(run);
  });
  return { ended, heard, run };
}

const kinds = (heard) => heard.map(({ kind, cell }) => `${kind} ${cell}`);

{ // cancelled at its second step: nothing of it is computed any more
  const one = engine(), { ended } = start(one, "studio", [cellOf(1)], (event, run) => event.index === 1 && one.drawing.remove(run));
  found.cancelled = { heard: kinds(await ended), calls: one.calls.length };
}
{ // a new run of the same section ends the old one; another section's goes on
  const one = engine(), other = start(one, "race", [cellOf(3)]), old = start(one, "studio", [cellOf(1)]), next = start(one, "studio", [cellOf(2)]);
  const [first, second, third] = await Promise.all([old.ended, next.ended, other.ended]);
  found.replaced = [first.length, kinds(second).at(-1), kinds(third).at(-1)];
}
{ // one cell is dropped at the first step, the other goes on
  const one = engine(), cells = [cellOf(1), cellOf(2, {}, 1)];
  const run = start(one, "race", cells, (event) => event.kind === "step" && event.index === 0 && event.cell === 0 && one.drawing.drop("race", cells[1].recipe));
  found.dropped = kinds(await run.ended);
}
{ // a faulty cell ends alone, with the first line of what was wrong
  const one = engine([2]), heard = await start(one, "", [cellOf(1), cellOf(2, {}, 1), cellOf(3, {}, 2)]).ended;
  found.failed = { ends: kinds(heard.filter(({ kind }) => kind !== "step")), reason: heard.find(({ kind }) => kind === "failure").reason };
}
{ // calls are never larger than they may be, and cells that do not fit wait
  const one = engine(), seeds = Array.from({ length: 7 }, (_, i) => i), heard = await start(one, "", seeds.map((seed) => cellOf(seed, {}, seed))).ended;
  found.many = { most: Math.max(...one.calls), limit: MAX_ROWS, pictures: heard.filter(({ kind }) => kind === "picture").length, rows: one.calls.reduce((a, b) => a + b) };
}
{ // two models in one run take turns
  const one = engine(), other = { ...model, name: "other" }, cells = [cellOf(1), cellOf(2, {}, 1)];
  one.drawing.networks.set("other", one.drawing.networks.get(model.name));
  cells.push(new Cell(2, { recipe: { ...recipe, seed: 3 } }, other, prompts, false, false));
  const heard = await start(one, "", cells).ended;
  found.models = heard.filter(({ kind }) => kind === "step").map(({ cell }) => cell).join("");
}
{ // sizes do not mix
  const one = engine(), heard = await start(one, "", [cellOf(1), cellOf(1, { width: recipe.width * 2 }, 1)]).ended;
  found.sizes = { pictures: heard.filter(({ kind }) => kind === "picture").length, most: Math.max(...one.calls) };
}
process.stdout.write(JSON.stringify(found));
