// Makes the values of views from a run that Python drew, and says what files and links hold.
// argv: the folder of the page's modules. stdin: {site, page, run, seconds, lately, other}.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const from = (name) => import(new URL(name, pathToFileURL(`${process.argv[2]}/`)));
const { About } = await from("js/page/about.js");
const { RunRecord } = await from("js/page/record.js");
const { arrived } = await from("js/page/arriving.js");
const { switched } = await from("js/page/switching.js");
const listed = await from("js/page/listed.js");
const studio = await from("js/page/data/studio.js");
const guidance = await from("js/page/data/guidance.js");
const attention = await from("js/page/data/attention.js");
const samplers = await from("js/page/data/samplers.js");
const { answers, recipeOf } = await from("js/page/data/lecture.js");
const { rgb } = await from("js/page/arrays.js");
const race = await from("js/page/data/race.js");

const TYPES = { Float32Array, Uint8Array, Uint8ClampedArray };
const given = JSON.parse(readFileSync(0, "utf8"), (_, value) => (value?.type in TYPES ? { shape: value.shape, data: TYPES[value.type].from(value.data) } : value));
const about = new About(given.site, given.page), { run: said, seconds } = given, { recipes } = about;
const run = new RunRecord(said.prompts, said.steps, said.picture, said.previewMap);
const refused = async (work) => {
  try {
    return { value: await work() };
  } catch (error) {
    return { error: error.message };
  }
};

const opened = (bytes, model = "emoji-world") => refused(async () => {
  const [recipe, line] = await arrived(about, new Uint8Array(bytes), model);
  return [recipes.toQuery(recipe), line];
});

const file = Buffer.from(await studio.pngOf(run, about));
const asked = { names: ["ddim", "heun"], unit: "calls", counts: "5, 8", guidances: "1, 5", models: [] };
process.stdout.write(JSON.stringify({
  ...(await studio.finished(run, seconds, about, null)),
  lookahead: guidance.lookahead(run, given.lately, about),
  filmstrip: guidance.stripOf(about, run.recipe, "guidance", [await guidance.finishedFrame(run, "guidance", about)]),
  attention: await attention.laboratory(run, seconds, about),
  reading: await attention.reading(run, run.picture.image, seconds, about), // as if it had been there already
  lanes: race.plan(about, run.recipe, asked).map(({ recipe, count }) => [recipes.toQuery(recipe), count]),
  png: file.toString("base64"),
  query: recipes.toQuery(run.recipe),
  reopened: (await opened(file)).value,
  files: await Promise.all(given.files.map((one) => opened(Buffer.from(one, "base64")))),
  lecture: { recipe: recipes.toQuery(recipeOf(about, run.recipe)), answers: answers(about, run, run, rgb(run.picture.image)) },
  links: await Promise.all(given.links.map((link) => refused(() => recipes.toQuery(recipes.fromQuery(link))))),
  lists: await Promise.all(given.lists.map(([text, whole]) => refused(() => listed.numbers(text, whole)))),
  switched: given.switches.map(([link, to]) => {
    const recipe = recipes.fromQuery(link), [made, line] = switched(about, recipe, recipe.model, to);
    return [recipes.toQuery(made), line];
  }),
  levels: samplers.trainingLevels(about.model(run.recipe.model)).filter((_, t) => t % 250 === 0),
  numbers: [1, 2, 9, 15, 50].map(samplers.numbers),
}));
