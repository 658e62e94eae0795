// @ts-check
/**
 * A prompt as the network reads it: tokens, words, weights (models/encode.py, models/words.py).
 *
 * @import { PromptFacts, Site, Word } from "./protocol.js"
 * @import { Tokenizer } from "./tokenizer.js"
 * @typedef {Omit<PromptFacts, "embeds"> & { weights: Float32Array | null, columns: number[] }} Reading
 *   `weights` [tokens] multiply the attention to them; `columns` say of each token its row of a map
 */
import { python } from "./patterns.js";
import { read } from "./weighting.js";

export class Reader {
  /** `lengths` are those that the text encoder reads, the shortest first. @param {Tokenizer} tokenizer @param {Site["words"]} facts @param {number[]} lengths */
  constructor(tokenizer, facts, lengths) {
    this.tokenizer = tokenizer;
    this.word = python(facts.pattern);
    this.functions = new Set(facts.functions);
    this.lengths = lengths;
  }

  /** Raises WeightError for impossible weights. @param {string} typed @returns {Reading} */
  read(typed) {
    const said = read(typed), whole = this.tokenizer.encode(said.text);
    const length = this.lengths.find((n) => whole.length <= n) ?? this.lengths[this.lengths.length - 1];
    const kept = whole.length <= length ? whole : [...whole.slice(0, length - 1), whole[whole.length - 1]];
    const ids = kept.map(({ id }) => id), padding = length - ids.length;
    const roles = kept.map(({ special }, i) => (!special ? "content" : i ? "end" : "start"));
    const every = this.words(said.text, whole), words = every.filter(({ tokens }) => tokens.length && tokens.every((i) => roles[i] === "content"));
    return {
      text: typed, ids: [...ids, ...Array(padding).fill(this.tokenizer.padding)], names: ids.map((id) => this.tokenizer.names.get(id) ?? ""),
      roles: padding ? [...roles, "padding"] : roles, columns: Array.from({ length }, (_, i) => Math.min(i, ids.length)),
      words: words.map((word) => ({ ...word, start: said.places[word.start], end: said.places[word.end - 1] + 1 })),
      cut: every.filter((word) => !words.includes(word)).map(({ text }) => text), weights: weightsOf(words, said.weights, length),
    };
  }

  /** Words with the tokens that overlap them. @param {string} text @param {import("./tokenizer.js").Token[]} tokens @returns {Word[]} */
  words(text, tokens) {
    return [...text.matchAll(this.word)].map(({ 0: word, index }) => {
      const start = [...text.slice(0, index)].length, end = start + [...word].length;
      const inside = tokens.flatMap(({ from, to }, i) => (from < to && from < end && start < to ? [i] : []));
      return {
        text: word, start, end, tokens: inside, columns: inside, known: inside.every((i) => tokens[i].id !== this.tokenizer.unknown),
        content: !this.functions.has(word.toLowerCase()),
      };
    });
  }
}

/** [tokens]; null if every weight is 1. @param {Word[]} words @param {number[]} weights by letter @param {number} length */
function weightsOf(words, weights, length) {
  if (weights.every((weight) => weight === 1)) return null;
  const found = new Float32Array(length).fill(1);
  for (const { start, end, tokens } of words) {
    const by = weights.slice(start, end).find((weight) => weight !== 1) ?? 1;
    for (const i of tokens) found[i] = by;
  }
  return found;
}

/** Where each token goes if tokens of one word share a column: start, words, between, end, padding. @param {Reading} prompt */
export function wordColumns({ columns, roles, words }) {
  const between = words.length + 1, of = /** @type {Record<string, number>} */ ({ start: 0, content: between, end: between + 1, padding: between + 2 });
  const found = columns.map((column) => of[roles[column]]);
  words.forEach(({ tokens }, k) => tokens.forEach((i) => (found[i] = k + 1)));
  return found;
}
