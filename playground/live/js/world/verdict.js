// @ts-check
/**
 * What a picture shows of what its prompt asks for, in plain words (world/verdict.py).
 *
 * @import { Asked, Grammar, Item, Scene, Wanted } from "./asked.js"
 * @typedef {{ asked: string, seen: string, missing: string[], extra: string[], right: boolean }} Verdict
 */
import { ofEach, total } from "./asked.js";

/** @param {Grammar} grammar @param {string} prompt @param {Scene} seen @returns {Verdict} */
export function verdict(grammar, prompt, seen) {
  const said = new Phrases(grammar), wanted = grammar.read(prompt), missing = said.missing(wanted, seen);
  return { asked: said.asked(wanted), seen: said.seen(seen), missing, extra: said.extra(wanted, seen), right: !missing.length };
}

class Phrases {
  /** @param {Grammar} grammar */
  constructor(grammar) {
    this.grammar = grammar;
    this.words = grammar.words;
    this.numbers = new Map(Object.entries(grammar.words.counts).map(([word, count]) => [count, word]));
  }

  /** @param {Asked} wanted @param {Scene} seen */
  missing(wanted, seen) {
    const found = /** @type {string[]} */ ([]), { items, place, relation } = wanted;
    for (const [i, { lacking }] of ofEach(wanted, seen).entries()) {
      const item = items[i];
      if (lacking.has("noun") || lacking.has("color")) found.push(this.thing({ ...item, worn: null }));
      else if (lacking.has("worn")) found.push(`the ${item.worn}${items.length > 1 ? ` of the ${item.noun}` : ""}`);
      else if (lacking.has("count")) found.push(`exactly ${this.thing(item)}`);
    }
    const faults = this.grammar.faults(wanted, seen);
    if (faults.has("relation")) found.push(`${this.named(items[0], items[1])} ${relation} ${this.named(items[1], items[0])}`);
    if (faults.has("place") && place) found.push(this.words.places[place].alone);
    return found;
  }

  /** Things beyond the number asked for, and worn things beyond that. @param {Asked} wanted @param {Scene} seen */
  extra(wanted, seen) {
    const over = seen.items.length > total(wanted) ? unmatched(wanted, seen) : [];
    const askedWorn = counter(wanted.items.flatMap((item) => Array(item.count).fill(item))), worn = counter(seen.items);
    const dressed = sum(worn) > sum(askedWorn) ? less(less(worn, askedWorn), counter(over)) : new Map(); // what is over is named with what it wears
    return [...(over.length ? [this.grouped(over)] : []), ...[...dressed.keys()].map((key) => key.split("|")).map(([noun, name]) => `the ${name} of the ${noun}`)];
  }

  /** @param {Asked} wanted */
  asked({ items, place, relation }) {
    return this.placed(items.map((item) => this.thing(item)).join(relation ? ` ${relation} ` : " and "), place);
  }

  /** @param {Scene} seen */
  seen({ items, place }) {
    return this.placed(this.grouped(items), place);
  }

  /** @param {string} things @param {string | null} place */
  placed(things, place) {
    if (place === null) return things;
    const { phrase, alone } = this.words.places[place];
    return things ? `${things}, ${phrase}` : alone;
  }

  /** Equal ones are counted. @param {Item[]} items */
  grouped(items) {
    const kinds = /** @type {Map<string, Wanted>} */ (new Map());
    for (const { noun, color, worn } of items) {
      const key = JSON.stringify([noun, color, worn]), count = (kinds.get(key)?.count ?? 0) + 1;
      kinds.set(key, { noun, color, worn, count });
    }
    return [...kinds.values()].map((kind) => this.thing(kind)).join(" and ");
  }

  /** a red square; three cats wearing a crown; an astronaut cat. @param {Wanted} item */
  thing({ noun, color, worn, count }) {
    const { costume, articled, worn: phrases } = this.words, named = [color, worn === costume ? worn : null, count === 1 ? noun : this.many(noun)].filter((word) => word !== null);
    const [first, ...rest] = named, said = count === 1 ? [articled[first], ...rest] : [this.numbers.get(count) ?? String(count), ...named];
    return said.join(" ") + (worn !== null && worn in phrases ? ` wearing ${phrases[worn]}` : "");
  }

  /** @param {Wanted} item */
  theThing({ noun, count }) {
    return `the ${count === 1 ? noun : this.many(noun)}`;
  }

  /** The red square, beside another square. @param {Wanted} item @param {Wanted} other */
  named(item, other) {
    return item.noun === other.noun ? `the ${this.thing(item).replace(/^an? /, "")}` : this.theThing(item);
  }

  /** @param {string} noun */
  many(noun) {
    return this.words.many[noun];
  }
}

/** What is left if each thing asked for takes the seen ones that are most like it. @param {Asked} wanted @param {Scene} seen */
function unmatched({ items }, seen) {
  const left = [...seen.items];
  for (const item of items) {
    const like = (/** @type {Item} */ one) => 2 * Number(one.color === item.color) + Number(one.worn === item.worn);
    const same = left.filter(({ noun }) => noun === item.noun).sort((a, b) => like(b) - like(a));
    for (const one of same.slice(0, item.count)) left.splice(left.indexOf(one), 1);
  }
  return left;
}

/** How often each noun wears each thing. @param {{ noun: string, worn: string | null }[]} items */
function counter(items) {
  const found = /** @type {Map<string, number>} */ (new Map());
  for (const { noun, worn } of items) if (worn !== null) found.set(`${noun}|${worn}`, (found.get(`${noun}|${worn}`) ?? 0) + 1);
  return found;
}

/** @param {Map<string, number>} counts @param {Map<string, number>} others */
function less(counts, others) {
  return new Map([...counts].map(([key, n]) => /** @type {[string, number]} */ ([key, n - (others.get(key) ?? 0)])).filter(([, n]) => n > 0));
}

/** @param {Map<string, number>} counts */
function sum(counts) {
  return [...counts.values()].reduce((a, b) => a + b, 0);
}
