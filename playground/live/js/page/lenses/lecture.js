// @ts-check
/**
 * The Lecture lens: eleven stops, whose figures are the visitor's own runs, and a self-check
 * (page/lecture/lens.py and figures.py).
 *
 * @import { App } from "../app.js"
 * @import { Work } from "../section.js"
 */
import * as guiding from "../data/guidance.js";
import * as drawing from "../data/family.js";
import * as checking from "../data/lecture.js";
import * as sampling from "../data/samplers.js";
import * as working from "../data/worked.js";
import { ask, elsewhere, make, prose } from "../dom.js";
import { draw, price } from "../family.js";
import { compared, raced } from "../lecturing.js";
import { Section } from "../section.js";
import { swept } from "../sweeping.js";
import { mount, shown } from "../views.js";
import { noise, thousand } from "./below.js";
import { middle } from "./placing.js";

/** @param {App} app @param {HTMLElement} box */
export async function build(app, box) {
  const { way, check } = app.about.page.lecture, lens = make("div", { id: "lecture" }), place = make("div", { id: "lecture-stops", class: "block" });
  const figures = figuresOf(app);
  lens.append(place);
  for (const { name } of way.stops.slice(0, -1)) lens.append(make("div", { id: `stop-${name}` }, ...(await figures[name]())));
  const [start, questions] = await asked(app, "check", "Measure the answers", "check", (work, show) => compared(app, work, show), check, checking);
  lens.append(make("div", { id: "stop-check" }, questions, start));
  box.append(lens);
  await mount("stops", place, way, { lab: () => app.panel.take(ask("lecture", app.panel.values())) });
}

/** What stands below each stop, by its name; what needs Python says so. @param {App} app @returns {Record<string, () => Promise<HTMLElement[]>>} */
function figuresOf(app) {
  const texts = app.about.page.lecture;
  return {
    noise: () => asked(app, "noise", "Noise my picture", "noising", (work, show) => noise(app, work, show)),
    reverse: () => mirror(app, "reverse", "reverse", "explorer"),
    conditioning: async () => [...(await mirror(app, "listened", "listened", "explorer")), prose(texts.told), ...(await fixed("tradeoff", "telling"))],
    worked: async () => [prose(texts.middle), ...(await asked(app, "worked", "Work out the middle of my picture", "worked", (work, show) => middle(app, work, show), await shown("worked"), working))],
    compasses: async () => [...(await mirror(app, "lookahead", "lookahead", "lookahead")), prose(texts.toy), elsewhere(app.about, "toy"), ...(await fixed("toy", "toy"))],
    scale: () => asked(app, "scale", `Draw w = ${texts.scales}`, "filmstrip", (work, show) => swept(app, work, "guidance", texts.scales, show), null, guiding),
    latents: () => mirror(app, "pipeline", "pipeline", "pipeline"),
    thousand: () => asked(app, "thousand", "Run both", "lecture", (work, show) => thousand(app, work, show)),
    fair: () => asked(app, "fair", `Race at ${texts.calls} network calls`, "lecture", (work, show) => raced(app, work, show)),
    family: () => family(app),
    tree: () => fixed("systems", "systems"),
  };
}

/** A view with its Start and Stop. @param {App} app @param {string} name @param {string} label @param {string} view @param {(work: Work, show: (value: any) => void) => Promise<void>} work @param {any} [value] @param {{ message: (text: string, error?: boolean, share?: number) => any, stopped: () => any }} [words] */
async function asked(app, name, label, view, work, value = null, words = sampling) {
  const place = make("div", { id: `lecture-${name}`, class: "block" }), made = await mount(view, place, value);
  const section = new Section(app, `lecture-${name}`, label, made.show, words);
  section.work = (given) => work(given, made.show);
  return [section.buttons, place];
}

/** The recipe with all three models, below what must be fetched for it. @param {App} app */
async function family(app) {
  const cost = price(app), work = async (/** @type {Work} */ given, /** @type {(value: any) => void} */ show) => void (await draw(app, given, show).finally(cost.say));
  const [buttons, place] = await asked(app, "family", "Draw with all three", "drawn", work, await shown("family"), drawing);
  return [buttons, cost.element, place];
}

/** What another lens shows of the recipe's run, once more. @param {App} app @param {string} name @param {string} view @param {string} frame */
async function mirror(app, name, view, frame) {
  const place = make("div", { id: `lecture-${name}`, class: "block" });
  await app.follow(view, place, frame);
  return [place];
}

/** What does not follow the recipe. @param {string} view @param {string} name of what is shown */
async function fixed(view, name) {
  const place = make("div", { id: `lecture-${name}`, class: "block" });
  await mount(view, place, await shown(name));
  return [place];
}
