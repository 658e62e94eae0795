// What a tokenizer with one token a word makes of typed text: as playground/world/spelling.py and
// models/words.py, whose patterns arrive with the table of known words.
const AROUND = /[^\s,，、،.;:!?"“”„‟«»‹›…。！？；：()（）[\]{}]+/gu;
const WEIGHT = /:\s*[+-]?(\d+([.,]\d*)?|[.,]\d+)\s*\)/gu;  // as playground/weighting.py

// The words of a text that the table has not, by their places: {start, end, text}.
function unknownWords(text, { known, spelling }) {
  const table = new Set(known), weights = [...text.matchAll(WEIGHT)].map((m) => [m.index, m.index + m[0].length]);
  const inWeight = (at) => weights.some(([a, b]) => a <= at && at < b);
  return [...text.matchAll(AROUND)].filter((m) => !inWeight(m.index)).flatMap((m) => {
    const missing = plain(m[0], text, m.index, spelling).filter((word) => !table.has(word));
    return missing.length ? [{ start: m.index, end: m.index + m[0].length, text: m[0], word: missing[0] }] : [];
  });
}

// A run of letters as the tokenizer's words.
function plain(run, text, at, { invisible, commas, digits, punctuation }) {
  for (const [pattern, word] of digits) {  // what stands before and behind counts, so the whole text is asked
    const digit = new RegExp(pattern, 'uy');
    digit.lastIndex = at;
    if (run.length === 1 && digit.test(text)) return [word];
  }
  const all = (pattern) => new RegExp(pattern, 'gu');
  return run.normalize('NFC').toLowerCase().replace(all(invisible), '').replace(all(commas), ',').replace(all(punctuation), ' ').split(/[\s,]+/u).filter(Boolean);
}

// Letters to add, leave out, exchange or swap with the next one (Damerau 1964, CACM 7, 171).
function distance(a, b) {
  let before = [], last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] !== b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    [before, last] = [last, row];
  }
  return last[b.length];
}

// The known word that is nearest, if it is near enough to be a slip of the keyboard.
function nearest(word, known) {
  const most = Math.max(1, Math.floor(word.length / 3));
  const found = known.map((one) => [distance(word, one), one]).filter(([d]) => d <= most).sort(([a], [b]) => a - b);
  return word.length > 2 && found.length ? found[0][1] : '';
}
