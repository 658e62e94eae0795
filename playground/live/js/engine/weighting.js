// @ts-check
/**
 * Weights of words in a prompt, "a cat wearing (a top hat:1.3)", as playground/weighting.py reads them.
 */

/** A weight that is too large, in one sentence. */
export class WeightError extends Error {}

/** Why models without cross-attention take no weights. */
export const JOINT = "A weight like (cat:1.3) multiplies what the image reads of a word; in this model words and image attend to each other, so leave weights out.";
export const STRONGEST = 3; // weights lie between −3 and 3
const CLOSING = /[\p{White_Space}\x1c-\x1f]*:[\p{White_Space}\x1c-\x1f]*([+-]?(?:[0-9]{1,9}(?:[.,][0-9]{0,9})?|[.,][0-9]{1,9}))[\p{White_Space}\x1c-\x1f]*\)/uy;

/** @typedef {{ typed: string, text: string, places: number[], weights: number[] }} Weighted */

/** What the text encoder reads of a prompt; of each of its letters where it was typed, and its weight. @param {string} typed @returns {Weighted} */
export function read(typed) {
  const prompt = [...typed], said = /** @type {[string, number, number][]} */ ([]), opened = /** @type {number[]} */ ([]);
  for (let at = 0; at < prompt.length; ) {
    const letter = prompt[at], closing = opened.length ? closingAt(prompt, at) : null;
    if (letter === "\\" && "()".includes(prompt[at + 1] ?? " ")) {
      said.push([prompt[at + 1], at + 1, 1]);
      at += 2;
    } else if (closing && said.length > opened[opened.length - 1] + 1) {
      const inside = said.splice(/** @type {number} */ (opened.pop())).slice(1);
      said.push(...inside.map(([s, place, weight]) => /** @type {[string, number, number]} */ ([s, place, weight * closing.by])));
      at += closing.length;
    } else {
      if (letter === "(") opened.push(said.length);
      else if (letter === ")" && opened.length) opened.pop();
      said.push([letter, at, 1]);
      at++;
    }
  }
  const weights = said.map(([, , weight]) => weight);
  if (weights.some((weight) => Math.abs(weight) > STRONGEST)) {
    throw new WeightError(
      "Weights of words lie between −3 and 3, those in brackets in brackets multiplied. Brackets that are meant as such are written \\( and \\).",
    );
  }
  return { typed, text: said.map(([s]) => s).join(""), places: said.map(([, place]) => place), weights };
}

/** Whether every weight is 1. @param {Weighted} weighted */
export function isPlain({ weights }) {
  return weights.every((weight) => weight === 1);
}

/** @param {string[]} prompt @param {number} at */
function closingAt(prompt, at) {
  if (prompt[at] !== ":" && !/[\p{White_Space}\x1c-\x1f]/u.test(prompt[at])) return null;
  CLOSING.lastIndex = 0;
  const found = CLOSING.exec(prompt.slice(at).join(""));
  return found && { by: Number(found[1].replace(",", ".")), length: [...found[0]].length };
}
