// @ts-check
/**
 * A race to keep as one picture (page/samplers/race_files.py: png).
 *
 * @import { About } from "../about.js"
 */
import { short } from "../recipe.js";
import { counted } from "../shared.js";
import { sheetPng } from "../sheet.js";

/** @param {About} about @param {any} race what the view shows @param {string} rows @param {string} columns axes: sampler, count, guidance */
export async function racePng(about, race, rows, columns) {
  const name = (/** @type {any} */ lane, /** @type {string} */ axis) =>
    axis === "sampler" ? lane.sampler : axis === "guidance" ? `w = ${short(lane.guidance)}` : counted(lane.count, race.unit === "calls" ? "network call" : "step");
  const third = ["sampler", "count", "guidance"].find((axis) => axis !== rows && axis !== columns) ?? "";
  const several = new Set(race.lanes.map((/** @type {any} */ lane) => name(lane, third))).size > 1;
  const row = (/** @type {any} */ lane) => [name(lane, rows), ...(several ? [name(lane, third)] : [])].join(", "), column = (/** @type {any} */ lane) => name(lane, columns);
  const down = [...new Set(/** @type {string[]} */ (race.lanes.map(row)))], across = [...new Set(/** @type {string[]} */ (race.lanes.map(column)))];
  const recipe = about.recipes.fromQuery(race.lanes[0].link), lines = [`${recipe.prompt || "no words"}, seed ${recipe.seed}`];
  const places = race.lanes.map((/** @type {any} */ lane) => {
    const done = lane.state === "finished", text = done ? `${counted(lane.steps, "step")}, ${counted(lane.calls, "call")}` : "not finished";
    return { x: across.indexOf(column(lane)), y: down.indexOf(row(lane)), size: lane.size, png: done ? lane.png : null, link: lane.link, text };
  });
  return { name: "race.png", content: await sheetPng(about, { lines, across, down, places }), text: "Saved race.png." };
}
