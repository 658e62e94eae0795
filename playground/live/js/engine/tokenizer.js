// @ts-check
/**
 * A word-level tokenizer, as its tokenizer.json says: normalisers, splits, vocabulary, template.
 *
 * Offsets count characters (code points) of the text as it was typed, as in Python.
 */
import { unicode } from "./patterns.js";

/** A character of the normalised text, and where it comes from: [from, to) of the typed text. @typedef {{ c: string, from: number, to: number }} Letter */
/** @typedef {{ id: number, from: number, to: number, special: boolean }} Token */

/** `[,]` and `,` of a tokenizer.json as an expression; its \w, \d and \s are Unicode's. @param {{ Regex?: string, String?: string }} pattern */
function expression({ Regex, String: plain }) {
  if (plain !== undefined) return new RegExp(plain.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"), "gu");
  return unicode(/** @type {string} */ (Regex));
}

export class Tokenizer {
  /** @param {any} json of tokenizer.json */
  constructor(json) {
    if (json.model.type !== "WordLevel") throw new Error(`A tokenizer of the kind ${json.model.type} cannot be read here.`);
    /** @type {Map<string, number>} */
    this.vocabulary = new Map(Object.entries(json.model.vocab));
    this.names = new Map(Array.from(this.vocabulary, ([name, id]) => [id, name]));
    this.unknown = /** @type {number} */ (this.vocabulary.get(json.model.unk_token));
    this.normalizers = steps(json.normalizer, "normalizers");
    this.splits = steps(json.pre_tokenizer, "pretokenizers");
    this.padding = json.padding.pad_id;
    this.longest = json.truncation.max_length;
    const template = json.post_processor.single, special = json.post_processor.special_tokens;
    const ids = template.map((/** @type {any} */ part) => (part.SpecialToken ? special[part.SpecialToken.id].ids[0] : null));
    this.start = ids[0];
    this.end = ids[ids.length - 1];
    /** Typed in a text they are taken as they are. @type {{ id: number, content: string }[]} */
    this.added = json.added_tokens;
  }

  /** Start, the text's tokens, end; nothing is cut. @param {string} text @returns {Token[]} */
  encode(text) {
    const inner = this.pieces([...text]).flatMap((piece) => (piece.id === null ? this.words(piece.letters) : [{ id: piece.id, from: piece.from, to: piece.to, special: false }]));
    const mark = (/** @type {number} */ id) => ({ id, from: 0, to: 0, special: true });
    return [mark(this.start), ...inner, mark(this.end)];
  }

  /** The text between special tokens that were typed, and these. @param {string[]} characters @returns {({ id: null, letters: Letter[] } | { id: number, from: number, to: number })[]} */
  pieces(characters) {
    const found = [], open = /** @type {Letter[]} */ ([]);
    for (let i = 0; i < characters.length; ) {
      const rest = characters.slice(i, i + 40).join(""), special = this.added.find(({ content }) => rest.startsWith(content));
      if (special) {
        if (open.length) found.push({ id: null, letters: open.splice(0) });
        found.push({ id: special.id, from: i, to: i + special.content.length });
      } else open.push({ c: characters[i], from: i, to: i + 1 });
      i += special ? special.content.length : 1;
    }
    if (open.length) found.push({ id: null, letters: open });
    return /** @type {any} */ (found);
  }

  /** @param {Letter[]} letters @returns {Token[]} */
  words(letters) {
    let parts = [this.normalizers.reduce(normalised, letters)];
    for (const { pattern, behavior } of this.splits) parts = parts.flatMap((part) => split(part, expression(pattern), behavior === "Removed"));
    return parts.map((part) => ({
      id: this.vocabulary.get(textOf(part)) ?? this.unknown, from: part[0].from, to: part[part.length - 1].to, special: false,
    }));
  }
}

/** The parts of a sequence, or the one part that there is. @param {any} part @param {string} name */
function steps(part, name) {
  return part ? (part.type === "Sequence" ? part[name] : [part]) : [];
}

const textOf = (/** @type {Letter[]} */ letters) => letters.map(({ c }) => c).join("");

/** @param {Letter[]} letters @param {any} step @returns {Letter[]} */
function normalised(letters, step) {
  if (step.type === "Lowercase") return letters.flatMap((letter) => [...letter.c.toLowerCase()].map((c) => ({ ...letter, c })));
  if (step.type === "NFC") return composed(letters);
  if (step.type === "Replace") return replaced(letters, expression(step.pattern), step.content);
  throw new Error(`A tokenizer with ${step.type} cannot be read here.`);
}

/** Unicode's composition: a letter and its marks become one where there is one. @param {Letter[]} letters @returns {Letter[]} */
function composed(letters) {
  const text = textOf(letters);
  if (text === text.normalize("NFC")) return letters;
  const found = /** @type {Letter[]} */ ([]);
  for (const { 0: group, index } of text.matchAll(/[^\p{M}\u1160-\u11ff]?[\p{M}\u1160-\u11ff]*/gu)) {
    if (!group) continue;
    const first = [...text.slice(0, index)].length, last = first + [...group].length - 1;
    for (const c of group.normalize("NFC")) found.push({ c, from: letters[first].from, to: letters[last].to });
  }
  return found;
}

/** Where an expression matches, in letters: [from, to). @param {Letter[]} letters @param {RegExp} pattern */
function matches(letters, pattern) {
  const text = textOf(letters), at = new Map([[0, 0]]);
  let units = 0;
  letters.forEach(({ c }, i) => at.set((units += c.length), i + 1));
  return [...text.matchAll(pattern)].map(({ 0: { length }, index }) => [/** @type {number} */ (at.get(index)), /** @type {number} */ (at.get(index + length))]);
}

/** @param {Letter[]} letters @param {RegExp} pattern @param {string} content @returns {Letter[]} */
function replaced(letters, pattern, content) {
  const found = /** @type {Letter[]} */ ([]);
  let done = 0;
  for (const [first, end] of matches(letters, pattern)) {
    found.push(...letters.slice(done, first), ...Array.from(content, (c) => ({ c, from: letters[first].from, to: letters[end - 1].to })));
    done = end;
  }
  return [...found, ...letters.slice(done)];
}

/** Parts between matches, and the matches too if they stay. @param {Letter[]} letters @param {RegExp} pattern @param {boolean} removed @returns {Letter[][]} */
function split(letters, pattern, removed) {
  const found = /** @type {Letter[][]} */ ([]);
  let done = 0;
  for (const [first, end] of matches(letters, pattern)) {
    found.push(letters.slice(done, first));
    if (!removed) found.push(letters.slice(first, end));
    done = end;
  }
  found.push(letters.slice(done));
  return found.filter((part) => part.length);
}
