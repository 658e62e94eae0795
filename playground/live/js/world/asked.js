// @ts-check
/**
 * What a prompt asks for, and what of it a picture lacks (world/asked.py).
 *
 * @typedef {{ noun: string, color: string | null, worn: string | null, count: number }} Wanted
 * @typedef {{ items: Wanted[], place: string | null, relation: string | null }} Asked
 * @typedef {{ noun: string, center: [number, number], size: number, color: string | null, worn: string | null }} Item
 * @typedef {{ place: string, items: Item[] }} Scene
 * @typedef {[kind: string, word: string]} Token
 */

/**
 * The tables of Python, as live/oracle.py writes them: how a prompt is spelled and split, what each
 * word names, how things are called in a verdict, and what the numbers of the oracle's answers mean.
 * @typedef {{
 *   spelling: Record<string, string>, place: string, token: string, named: Record<string, string>,
 *   counts: Record<string, number>, relations: Record<string, [number, number] | null>,
 *   opposite: Record<string, string>, links: string[], shapes: string[], costume: string,
 *   worn: Record<string, string>, wearers: string[], many: Record<string, string>,
 *   articled: Record<string, string>, places: Record<string, { phrase: string, alone: string }>,
 *   read: { noun: string[], color: string[], worn: (string | null)[], place: string[] },
 *   grid: number, side: number, reasons: { words: string, size: string }
 * }} Words
 */
import { python } from "../engine/patterns.js";
import { read as weighted } from "../engine/weighting.js";

const ATTRIBUTES = /** @type {const} */ (["noun", "color", "worn"]);

export class Grammar {
  /** @param {Words} words */
  constructor(words) {
    this.words = words;
    this.spelling = Object.entries(words.spelling).map(([pattern, by]) => /** @type {[RegExp, string]} */ ([python(pattern), by]));
    this.place = python(words.place);
    this.token = python(words.token);
    this.between = python("[\\s_-]+");
  }

  /** What it asks for, in the words of this world; others are passed over. @param {string} prompt @returns {Asked} */
  read(prompt) {
    const text = this.spelled(prompt), [place] = text.matchAll(this.place), tokens = this.tokens(text.replace(this.place, "\n"));
    const items = this.things(tokens);
    return { items, place: place ? this.placed(place.groups ?? {}) : null, relation: items.length === 2 ? this.relation(tokens, items[0], items[1]) : null };
  }

  /** As it is typed, if a weight is impossible; lower case, numbers as words. @param {string} prompt */
  spelled(prompt) {
    let text = prompt;
    try {
      text = weighted(prompt).text;
    } catch {
      /* a weight that is too large */
    }
    return this.spelling.reduce((said, [pattern, by]) => said.replace(pattern, by), text.toLowerCase());
  }

  /** @param {Record<string, string | undefined>} found */
  placed({ before, after, scenery }) {
    const color = before ?? after;
    return color ? `${color} background` : this.spaced(scenery ?? "");
  }

  /** @param {string} text */
  spaced(text) {
    return text.split(this.between).join(" ");
  }

  /** The known words and the punctuation, in order. @param {string} text */
  tokens(text) {
    return [...text.matchAll(this.token)].map(({ groups = {} }) => {
      if (groups.turned !== undefined) return /** @type {Token} */ (["relation", this.words.opposite[this.spaced(groups.relation)]]);
      const [kind, word] = /** @type {Token} */ (Object.entries(groups).find(([, said]) => said !== undefined));
      return /** @type {Token} */ ([kind, this.spaced(word)]);
    });
  }

  /** What is named, each with the attributes that belong to it. @param {Token[]} tokens @returns {Wanted[]} */
  things(tokens) {
    const things = /** @type {Record<string, any>[]} */ ([]), { counts, named, shapes } = this.words;
    let coming = /** @type {Record<string, any>} */ ({}), last = /** @type {Record<string, any>} */ ({});
    for (const [i, [kind, word]] of tokens.entries()) {
      if (kind === "noun") {
        const noun = named[word], again = tokens.at(i - 1)?.[0] === "the" ? things.find((thing) => thing.noun === noun) : undefined;
        last = again ?? { noun };
        if (!again) things.push(last);
        Object.assign(last, coming);
        coming = {};
      } else if (["count", "color", "worn"].includes(kind)) {
        const ahead = kind === "count" || !things.length || nounFollows(tokens.slice(i + 1)), of = ahead ? coming : last;
        of[kind] ??= counts[word] ?? word;
      }
    }
    return things.map(({ noun, color = null, worn = null, count = 1 }) => ({ noun, color: shapes.includes(noun) ? color : null, worn, count }));
  }

  /** Where the first of two things is, seen from the second; null if that is not said. @param {Token[]} tokens @param {Wanted} first @param {Wanted} second */
  relation(tokens, first, second) {
    const { opposite, relations, links } = this.words, places = (/** @type {string} */ wanted) => tokens.flatMap(([kind], i) => (kind === wanted ? [i] : []));
    const said = places("relation"), [side] = places("side");
    // Whether a noun is the first thing's; of two squares the one with no noun before it.
    const isFirst = (/** @type {string | null} */ noun, /** @type {number} */ before) => (first.noun === second.noun ? before === 0 : noun === first.noun);
    const nouns = (/** @type {number} */ end) => tokens.slice(0, end).filter(([kind]) => kind === "noun").length;
    if (said.length) { // what follows a relation is what it looks from
      const from = this.nounIn(tokens.slice(said[0]));
      if (said.length > 1 || from === null) return null;
      const relation = tokens[said[0]][1], seen = isFirst(from, nouns(said[0])) ? opposite[relation] : relation;
      return relations[seen] ? seen : null;
    }
    if (side === undefined) return null;
    const ahead = this.nounIn(tokens.slice(side)), behind = this.nounIn(tokens.slice(0, side).reverse());
    const leads = behind === null || (links.includes(tokens[side - 1][0]) && tokens[tokens.length - 1][0] !== "side");
    const after = leads && ahead !== null, owned = isFirst(after ? ahead : behind, nouns(side) - (after ? 0 : 1));
    return (tokens[side][1] === "left") === owned ? "left of" : "right of";
  }

  /** @param {Token[]} tokens */
  nounIn(tokens) {
    const found = tokens.find(([kind]) => kind === "noun");
    return found ? this.words.named[found[1]] : null;
  }

  /** What is wrong with a picture in which `seen` was read, as asked.faults names it. @param {Asked} asked @param {Scene} seen @returns {Set<string>} */
  faults(asked, seen) {
    const found = ofEach(asked, seen), wrong = new Set(found.flatMap(({ lacking }) => [...lacking]));
    if (asked.relation && !this.related(asked, found.map(({ same }) => same))) wrong.add("relation");
    if (asked.place !== null && asked.place !== seen.place) wrong.add("place");
    if (seen.items.length > total(asked) || worn(seen) > asked.items.reduce((sum, item) => sum + (item.worn ? item.count : 0), 0)) wrong.add("extra");
    return wrong;
  }

  /** Whether some pair of the two things has the relation; if one is counted, whether all have. @param {Asked} asked @param {Item[][]} matches */
  related({ items, relation }, [firsts, seconds]) {
    const [x, y] = /** @type {[number, number]} */ (this.words.relations[relation ?? ""]), pairs = firsts.flatMap((a) => seconds.map((b) => [a, b]));
    const stands = pairs.map(([a, b]) => x * (b.center[0] - a.center[0]) + y * (b.center[1] - a.center[1]) > this.words.grid);
    return stands.length > 0 && (items.some(({ count }) => count > 1) ? stands.every(Boolean) : stands.some(Boolean));
  }
}

/** Whether the next word that is not another attribute is a noun. @param {Token[]} tokens */
function nounFollows(tokens) {
  return tokens.find(([kind]) => kind !== "color" && kind !== "worn")?.[0] === "noun";
}

/**
 * Of each thing asked for: its faults (noun, color, worn, count), and the things seen that may be
 * it. What is seen is one thing asked for at most, and first what says most.
 * @param {Asked} asked @param {Scene} seen
 */
export function ofEach({ items }, seen) {
  const said = (/** @type {Wanted} */ { color, worn }) => Number(color !== null) + Number(worn !== null);
  const order = [...items].sort((a, b) => said(b) - said(a)), found = /** @type {Map<Wanted, { lacking: Set<string>, same: Item[] }>} */ (new Map());
  let left = seen.items;
  for (const [place, wanted] of order.entries()) {
    const lacking = /** @type {Set<string>} */ (new Set());
    let same = left;
    for (const name of ATTRIBUTES) {
      same = same.filter((item) => wanted[name] === null || wanted[name] === item[name]);
      if (!same.length) {
        lacking.add(name);
        break;
      }
    }
    // Others of this noun that come later take theirs of the same things.
    const later = order.slice(place + 1).filter(({ noun }) => noun === wanted.noun), spare = same.length - later.reduce((sum, { count }) => sum + count, 0);
    if (wanted.count > 1 && !(spare <= wanted.count && wanted.count <= same.length)) lacking.add("count");
    found.set(wanted, { lacking, same });
    if (later.length) left = left.filter((item) => !same.slice(0, wanted.count).includes(item));
  }
  return items.map((wanted) => /** @type {{ lacking: Set<string>, same: Item[] }} */ (found.get(wanted)));
}

/** How many things are asked for. @param {Asked} asked */
export function total({ items }) {
  return items.reduce((sum, { count }) => sum + count, 0);
}

/** @param {Scene} seen */
function worn({ items }) {
  return items.filter((item) => item.worn !== null).length;
}
