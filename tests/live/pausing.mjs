// What the lenses are told while one types: node pausing.mjs FOLDER. The page's Drawing, with an engine that
// answers at once and lenses that take their time; every answer is [words, whether typing goes on].
import { pathToFileURL } from "node:url";

const { Drawing } = await import(new URL("js/page/drawing.js", pathToFileURL(`${process.argv[2]}/`)));
const soon = () => new Promise((resume) => setTimeout(resume, 5));

/** A page whose words are `words`; `then` is called while the lenses take in the first picture. */
function paged(then) {
  const told = [], its = { describe: async () => ({}), facts: { preview_map: [] } };
  const session = {
    beside: () => its,
    submit: ([recipe]) => ({
      cancel() {},
      async *[Symbol.asyncIterator]() {
        await soon();
        yield { kind: "picture", cell: 0, recipe };
      },
    }),
  };
  const app = {
    about: { page: { panel: { atOnce: ["student"] } }, check: (recipe) => recipe, recipes: { same: () => false } },
    panel: { model: "student", words: "first", recipe: () => ({ model: "student", prompt: app.panel.words }) },
    session: async () => session, sentence: String, show() {},
    async finished({ run: { picture } }, typed) {
      told.push([picture.recipe.prompt, typed]);
      if (told.length === 1) then?.(app);
      await soon();
    },
  };
  app.drawing = new Drawing(app);
  return { app, told };
}

async function typed(before, meanwhile) {
  const { app, told } = paged(meanwhile);
  const drawn = app.drawing.typed();
  await before?.(app);
  await drawn;
  for (let i = 0; i < 10; i++) await soon();
  return told;
}

const pause = (app) => (app.drawing.all = true); // what app.pause does while a picture is being drawn
const key = (app) => {
  app.panel.words = "second";
  app.drawing.typed();
};
const running = async (app) => {
  while (!app.drawing.running) await null;
};
process.stdout.write(JSON.stringify({
  alone: await typed(),
  pause: await typed(pause),
  late: await typed(null, pause),
  newer: await typed(async (app) => {
    await running(app);
    key(app);
    pause(app);
  }),
  resumed: await typed(async (app) => {
    await running(app);
    pause(app);
    key(app);
  }),
  pressed: await typed(async (app) => {
    await running(app);
    key(app);
    await app.drawing.draw();
  }),
}));
