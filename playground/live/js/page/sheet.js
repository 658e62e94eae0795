// @ts-check
/**
 * Labelled pictures as one PNG that carries the recipe of each, and where it lies
 * (page/shared/sheet.py, recipe.py: save_grid).
 *
 * @import { About } from "./about.js"
 */
import { written } from "../files/png.js";
import { pack, unpack } from "./arrays.js";

const GAP = 8, HEADER = 142, LINE = 18, NARROWEST = 112; // pixels; of a row's name, of a text's line

/**
 * A place in the sheet: its column and row, its picture (base64) with its recipe's link if it is
 * finished, and what is written below.
 * @typedef {{ x: number, y: number, size: [number, number], png: string | null, link: string | null, text: string }} Place
 */

/** @param {About} about @param {{ lines: string[], across: string[], down: string[], places: Place[] }} sheet rows without names have no column for them */
export async function sheetPng(about, { lines, across, down, places }) {
  const height = Math.max(...places.map(({ size }) => size[0])), wide = Math.max(NARROWEST, ...places.map(({ size }) => size[1]));
  const side = down.some(Boolean) ? HEADER + GAP : 0, top = (lines.length + 1) * LINE + 2 * GAP;
  const step = height + GAP + (places.some(({ text }) => text) ? 2 * LINE : 0);
  const left = (/** @type {number} */ column) => GAP + side + column * (wide + GAP), below = (/** @type {number} */ row) => top + row * step;
  const canvas = new OffscreenCanvas(left(across.length), below(down.length) + LINE);
  const brush = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  Object.assign(brush, { fillStyle: "white", font: "12px system-ui, sans-serif", textBaseline: "top" });
  brush.fillRect(0, 0, canvas.width, canvas.height);
  brush.fillStyle = "#1f2937";
  lines.forEach((line, i) => brush.fillText(line, GAP, GAP + i * LINE, canvas.width - 2 * GAP));
  across.forEach((name, column) => brush.fillText(name, left(column), GAP + lines.length * LINE, wide));
  down.forEach((name, row) => brush.fillText(name, GAP, below(row), HEADER));
  const cells = [];
  for (const { x, y, png, link, text } of places) {
    const [from, at] = [left(x), below(y)];
    brush.fillText(text, from, at + height + 2, wide);
    if (!png || !link) continue;
    const image = await createImageBitmap(new Blob([unpack(png)], { type: "image/png" }));
    brush.drawImage(image, from, at);
    cells.push(`{"box":[${[from, at, from + image.width, at + image.height]}],"recipe":${about.recipes.toJson(about.recipes.fromQuery(link))}}`);
  }
  const { data } = brush.getImageData(0, 0, canvas.width, canvas.height), text = `[${cells.join()}]`;
  const ascii = text.replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return pack(await written({ shape: [canvas.height, canvas.width, 4], data }, { name: about.recipes.facts.grid_key, text, ascii }));
}
