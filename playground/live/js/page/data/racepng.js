// @ts-check
/**
 * A race to keep as one picture that holds the recipe of each of its cells, and where it lies
 * (page/samplers/race_files.py: png, recipe.py: save_grid).
 *
 * @import { About } from "../about.js"
 */
import { written } from "../../files/png.js";
import { pack, unpack } from "../arrays.js";
import { short } from "../recipe.js";
import { counted } from "../shared.js";

const GAP = 8, HEADER = 142, LINE = 18, NARROWEST = 112; // pixels; of a row's name, of a text's line

/** @param {About} about @param {any} race what the view shows @param {string} rows @param {string} columns axes: sampler, count, guidance */
export async function racePng(about, race, rows, columns) {
  const name = (/** @type {any} */ lane, /** @type {string} */ axis) =>
    axis === "sampler" ? lane.sampler : axis === "guidance" ? `w = ${short(lane.guidance)}` : counted(lane.count, race.unit === "calls" ? "network call" : "step");
  const third = ["sampler", "count", "guidance"].find((axis) => axis !== rows && axis !== columns) ?? "";
  const several = new Set(race.lanes.map((/** @type {any} */ lane) => name(lane, third))).size > 1;
  const row = (/** @type {any} */ lane) => [name(lane, rows), ...(several ? [name(lane, third)] : [])].join(", "), column = (/** @type {any} */ lane) => name(lane, columns);
  const down = [...new Set(race.lanes.map(row))], across = [...new Set(race.lanes.map(column))];
  const [height, wide] = [Math.max(...race.lanes.map((/** @type {any} */ l) => l.size[0])), Math.max(NARROWEST, ...race.lanes.map((/** @type {any} */ l) => l.size[1]))];
  const top = 2 * LINE + 2 * GAP, step = height + 2 * LINE + GAP, recipe = about.recipes.fromQuery(race.lanes[0].link);
  const canvas = new OffscreenCanvas(2 * GAP + HEADER + across.length * (wide + GAP), top + down.length * step + LINE);
  const brush = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const write = (/** @type {string} */ text, /** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ most) => brush.fillText(text, x, y, most);
  Object.assign(brush, { fillStyle: "white", font: "12px system-ui, sans-serif", textBaseline: "top" });
  brush.fillRect(0, 0, canvas.width, canvas.height);
  brush.fillStyle = "#1f2937";
  write(`${recipe.prompt || "no words"}, seed ${recipe.seed}`, GAP, GAP, canvas.width - 2 * GAP);
  across.forEach((said, i) => write(said, left(i, wide), GAP + LINE, wide));
  down.forEach((said, i) => write(said, GAP, top + i * step, HEADER));
  const cells = [];
  for (const lane of race.lanes) {
    const x = left(across.indexOf(column(lane)), wide), y = top + down.indexOf(row(lane)) * step;
    write(lane.state === "finished" ? `${counted(lane.steps, "step")}, ${counted(lane.calls, "call")}` : "not finished", x, y + height + 2, wide);
    if (lane.state !== "finished") continue;
    const image = await createImageBitmap(new Blob([unpack(lane.png)], { type: "image/png" }));
    brush.drawImage(image, x, y);
    cells.push(`{"box":[${[x, y, x + image.width, y + image.height]}],"recipe":${about.recipes.toJson(about.recipes.fromQuery(lane.link))}}`);
  }
  const { data } = brush.getImageData(0, 0, canvas.width, canvas.height), text = `[${cells.join()}]`;
  const ascii = text.replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const file = await written({ shape: [canvas.height, canvas.width, 4], data }, { name: about.recipes.facts.grid_key, text, ascii });
  return { name: "race.png", content: pack(file), text: "Saved race.png." };
}

/** @param {number} column @param {number} wide */
const left = (column, wide) => 2 * GAP + HEADER + column * (wide + GAP);
