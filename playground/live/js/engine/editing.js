// @ts-check
/**
 * Prompt editing through attention (attention/editing.py, engine/edits.py): from words to a plan.
 *
 * The edited row reads the source's probabilities token by token during a share of the calls, and
 * weights multiply what it reads (Prompt-to-Prompt, Hertz et al. 2022, arXiv 2208.01626).
 *
 * @import { Edit, Recipe, Word } from "./protocol.js"
 * @import { Reader, Reading } from "./prompts.js"
 * @typedef {{ sourceOf: number[], weights: Float32Array, share: number }} Plan
 *   `sourceOf` has the source's token of each edited token, or NEW; `weights` are by token
 * @typedef {{ recipe: Recipe, plan: Plan, touched: [number[], number[]] }} Planned
 */
import { STRONGEST } from "./weighting.js";

export const NEW = -1; // the source has no such token

/** What is wrong with an edit and what would be possible, in one sentence. */
export class EditError extends Error {}

/** Raises EditError for what cannot be edited. @param {Reader} reader @param {Recipe} recipe @param {Edit} edit @returns {Planned} */
export function planned(reader, recipe, edit) {
  if (!Object.hasOwn(KINDS, edit.kind)) throw new EditError(`There is no edit '${edit.kind}'; there are: ${Object.keys(KINDS).join(", ")}.`);
  if (recipe.guidance === 0) throw new EditError("At w = 0 the words are not read, so there is no attention to edit.");
  return KINDS[edit.kind](reader, recipe, edit);
}

/** Whether call `index` of `count` reads the source; the middle of a call decides. @param {Plan} plan @param {number} index @param {number} count */
export const injects = ({ share }, index, count) => (index + 0.5) / count < share;

/** @type {Record<string, (reader: Reader, recipe: Recipe, edit: Edit) => Planned>} */
const KINDS = {
  swap(reader, recipe, { word: text, which, by, share }) {
    const prompt = reader.read(recipe.prompt), word = find(prompt.words, text, which), letters = [...recipe.prompt];
    if (!by.match(reader.word)) throw new EditError("Say which word takes its place.");
    const edited = { ...recipe, prompt: letters.slice(0, word.start).join("") + by.trim() + letters.slice(word.end).join("") };
    const other = reader.read(edited.prompt), [before, after] = [prompt, other].map((one) => content(one).length);
    if (before !== after) {
      throw new EditError(
        `A swap keeps the number of tokens: these words make ${after}, the prompt has ${before}. Choose words of the same length, or refine instead.`,
      );
    }
    if (String(other.ids) === String(prompt.ids)) throw new EditError("The words are the same: swap one for another.");
    const there = indices(other.words, ({ tokens }) => tokens.some((token) => word.tokens.includes(token)));
    return { recipe: edited, plan: plan([...prompt.ids.keys()], share), touched: [[prompt.words.indexOf(word)], there] };
  },

  refine(reader, recipe, { prompt: text, share }) {
    const edited = { ...recipe, prompt: text }, prompt = reader.read(recipe.prompt), other = reader.read(text), found = aligned(prompt, other);
    if (!found) throw new EditError(`Refining keeps all the words in their order and adds some; they are: ${listed(prompt.words)}.`);
    return { recipe: edited, plan: plan(found, share), touched: [[], indices(other.words, ({ tokens }) => tokens.some((token) => found[token] === NEW))] };
  },

  reweight(reader, recipe, { weights, share }) {
    const { words, ids } = reader.read(recipe.prompt), perToken = new Float32Array(ids.length).fill(1);
    const asked = Object.entries(weights).flatMap(([number, weight]) => (weight === 1 ? [] : [/** @type {const} */ ([Number(number), weight])]));
    for (const [number, weight] of asked) {
      if (!words[number]) throw new EditError(`There is no word number ${number}. The words are: ${listed(words)}.`);
      for (const token of words[number].tokens) perToken[token] = within(weight, `The weight of “${words[number].text}”`, -STRONGEST, STRONGEST);
    }
    if (perToken.every((weight) => weight === 1)) throw new EditError("Every weight is 1: give at least one word another.");
    const touched = asked.map(([number]) => number).sort((a, b) => a - b);
    return { recipe, plan: { ...plan([...ids.keys()], share), weights: perToken }, touched: [touched, touched] };
  },
};

/** The word with that text; of several, the one at position `which`. @param {Word[]} words @param {string} text @param {number | null} which */
function find(words, text, which) {
  const same = words.filter((word) => word.text === text);
  if (!same.length) throw new EditError(`“${text}” is not in the prompt. Its words are: ${listed(words)}.`);
  if (which === null && same.length > 1) throw new EditError(`“${text}” is in the prompt ${same.length} times: say which one.`);
  if (which !== null && !same[which]) throw new EditError(`“${text}” is in the prompt ${same.length} times, not ${which + 1}.`);
  return same[which ?? 0];
}

/**
 * The source's token of each edited token, or NEW; null if words were lost or none was added. Special
 * tokens belong together, and padding that stands at the same distance from the last token that is none.
 * @param {Reading} here @param {Reading} there @returns {number[] | null}
 */
function aligned(here, there) {
  const inside = content(here), outside = content(there), blocks = matching(inside.map((i) => here.ids[i]), outside.map((i) => there.ids[i]));
  if (blocks.length < inside.length || outside.length <= inside.length) return null;
  const found = there.ids.map(() => NEW), before = outside[0], after = outside[outside.length - 1] + 1;
  for (const [a, b] of blocks) found[outside[b]] = inside[a];
  for (let i = 0; i < before; i++) found[i] = i; // special tokens in front: as many in both
  const ofSource = inside.length ? inside[inside.length - 1] + 1 : before;
  for (let i = after; i < found.length; i++) found[i] = i - after + ofSource;
  return found;
}

/**
 * Pairs of positions of equal numbers, both growing: the longest equal part first, then left and right
 * of it (Ratcliff and Metzener 1988, as in Python's difflib).
 * @param {number[]} a @param {number[]} b @param {number} [fromA] @param {number} [fromB] @returns {[number, number][]}
 */
function matching(a, b, fromA = 0, fromB = 0) {
  let [size, i, j] = [0, 0, 0];
  for (let p = 0; p < a.length; p++) for (let q = 0; q < b.length; q++) {
    let n = 0;
    while (p + n < a.length && q + n < b.length && a[p + n] === b[q + n]) n++;
    if (n > size) [size, i, j] = [n, p, q];
  }
  if (!size) return [];
  const equal = Array.from({ length: size }, (_, k) => /** @type {[number, number]} */ ([fromA + i + k, fromB + j + k]));
  return [...matching(a.slice(0, i), b.slice(0, j), fromA, fromB), ...equal, ...matching(a.slice(i + size), b.slice(j + size), fromA + i + size, fromB + j + size)];
}

/** Positions of tokens that are no special ones. @param {Reading} reading */
const content = ({ ids, roles, columns }) => [...ids.keys()].filter((i) => roles[columns[i]] === "content");

/** @param {Word[]} words @param {(word: Word) => boolean} wanted */
const indices = (words, wanted) => words.flatMap((word, i) => (wanted(word) ? [i] : []));

/** @param {number[]} sourceOf @param {any} share @returns {Plan} */
const plan = (sourceOf, share) => ({ sourceOf, weights: new Float32Array(sourceOf.length).fill(1), share: within(share, "The share of the steps", 0, 1) });

/** @param {any} value @param {string} name @param {number} low @param {number} high @returns {number} */
function within(value, name, low, high) {
  if (typeof value !== "number" || !(low <= value && value <= high)) throw new EditError(`${name} must be a number from ${low} to ${high}.`);
  return value;
}

/** @param {Word[]} words */
const listed = (words) => words.map(({ text }) => text).join(", ") || "none";
