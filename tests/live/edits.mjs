// What the views of edits and of worked positions are given: values from runs that Python made up.
// argv: the folder of the page's modules. stdin: {site, page, runs, touched, judged, prompt, layers}.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const from = (name) => import(new URL(name, pathToFileURL(`${process.argv[2]}/`)));
const { About } = await from("js/page/about.js");
const { RunRecord } = await from("js/page/record.js");
const edits = await from("js/page/data/edits.js");
const { worked } = await from("js/page/data/worked.js");

const TYPES = { Float32Array, Uint8Array };
const given = JSON.parse(readFileSync(0, "utf8"), (_, value) => (value?.type in TYPES ? { shape: value.shape, data: TYPES[value.type].from(value.data) } : value));
const about = new About(given.site, given.page), runs = given.runs.map((said) => new RunRecord(said.prompts, said.steps, said.picture, said.previewMap));
const some = (count) => runs.slice(0, count), { words, text } = given.prompt;
process.stdout.write(JSON.stringify({
  ready: edits.ready(text, words, "x"),
  edited: await Promise.all(given.touched.map((touched) => edits.edited(some(3), touched, 1.26, about))),
  equal: (await edits.edited([runs[0], runs[0]], [[0], [0]], 1.26, about)).verdict,
  judged: given.judged.map((found) => edits.judged(some(found.length), found, "")),
  worked: worked(given.prompt, 2, given.layers),
}));
