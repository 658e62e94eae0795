// @ts-check
/** Lists of numbers and names as visitors type them: page/listed.py, which says how. */
import { RecipeError } from "./recipe.js";
import { counted } from "./shared.js";

const LONGEST = 256; // values of one range
const SIGNED = String.raw`[+−-]?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)`;
const RANGE = new RegExp(
  String.raw`(?<![^\s,;])(?<first>${SIGNED})(?:\s+[-–—]\s+|[-–—]|\s*…\s*|\s*\.\.+\s*)(?<last>${SIGNED})` +
    String.raw`(?:\s*\(\s*(?<step>${SIGNED})\s*\)|\s*\[\s*(?<count>\d+)\s*\])?(?![^\s,;])`,
  "g",
);
const ONE_OR_TWO = /(?<![\d,.])\d+,\d+(?![\d,.])/; // 0,5 but not 0,1,2
const HELD = "\u0000"; // in the place of a range while the rest is split

/** The numbers of a list; RecipeError for what is none. `whole`: whole numbers are asked for, so every comma separates. @param {string} text @param {boolean} [whole] */
export function numbers(text, whole = false) {
  text = text.replace(/(?<=\d),(?=\d+\s*\))/g, "."); // of a step: (+0,5)
  if (!whole) text = text.includes(";") ? text.replace(/(?<=\d),(?=\d)/g, ".") : unmistakable(text);
  const ranges = /** @type {number[][]} */ ([]);
  const rest = text.replace(RANGE, (...found) => {
    ranges.push(countedOut(found[0], found.at(-1), whole));
    return ` ${HELD} `;
  });
  return names(rest).flatMap((part) => (part === HELD ? /** @type {number[]} */ (ranges.shift()) : [number(part)]));
}

/** The entries of a list, whatever separates them. @param {string} text */
export function names(text) {
  return text.match(/[^,;\s]+/g) ?? [];
}

/** One number; RecipeError if it is none, or too large for one. @param {string} part */
export function number(part) {
  const found = parsed(part);
  if (!Number.isFinite(found)) throw new RecipeError(`“${part.slice(0, 20)}” in the list is too large.`);
  return found;
}

/** @param {string} part */
function parsed(part) {
  const plain = part.replace("−", "-");
  if (!new RegExp(`^${SIGNED}$`).test(plain)) throw new RecipeError(`“${part.slice(0, 20)}” in the list is not a number.`);
  return Number(plain);
}

/** The text, unless a comma in it may be a decimal one. @param {string} text */
function unmistakable(text) {
  const found = ONE_OR_TWO.exec(text)?.[0];
  if (found) {
    throw new RecipeError(
      `“${found.slice(0, 30)}” could be one number or two: write ${found.replace(",", ".").slice(0, 30)} or ${found.replace(",", ", ").slice(0, 30)}, ` +
        "or put semicolons between numbers with decimal commas.",
    );
  }
  return text;
}

/** The values of a range. @param {string} said @param {Record<string, string | undefined>} found @param {boolean} whole */
function countedOut(said, { first: from, last: to, step: by, count: many }, whole) {
  const first = bounded(from ?? ""), last = bounded(to ?? "");
  if (many) {
    const count = Number(many);
    if (count < 2 || count > LONGEST) throw new RecipeError(`“${said.slice(0, 30)}”: a range has 2 to ${LONGEST} values.`);
    const values = Array.from({ length: count }, (_, i) => first + ((last - first) * i) / (count - 1));
    return values.map((value) => (whole ? Math.floor(value + 0.5) : exact(value)));
  }
  const size = Math.abs(bounded(by ?? "1")), step = last >= first ? size : -size;
  if (!size) throw new RecipeError(`“${said.slice(0, 30)}”: steps of 0 come to no end.`);
  const count = Math.floor(exact((last - first) / step)) + 1;
  if (count > LONGEST) throw new RecipeError(`“${said.slice(0, 30)}” makes ${counted(count, "value")}; that is too many.`);
  return Array.from({ length: count }, (_, i) => exact(first + i * step));
}

/** A number of a range. @param {string} text */
function bounded(text) {
  const found = parsed(text), size = Math.abs(found), zero = !/[1-9]/.test(text.split(/e/i)[0]);
  if (!zero && !(size >= 1e-9 && size <= 1e9)) throw new RecipeError(`“${text.slice(0, 20)}” is too large or too small for a range.`);
  return found;
}

/** Nine decimals: 0-1 (+0.1) has eleven values, and 0.3 is 0.3. @param {number} value */
const exact = (value) => Math.round(value * 1e9) / 1e9;
