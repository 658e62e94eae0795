// @ts-check
/** Regular expressions of Python and of the tokenizers library, in JavaScript. */

const SPACE = "\\p{White_Space}", WORD = "\\p{L}\\p{M}\\p{N}\\p{Pc}";
export const PYTHON_SPACE = `${SPACE}\\x1c-\\x1f`; // Python's \s has the separators of ASCII too
const PYTHON_WORD = "\\p{L}\\p{N}_"; // and its \w no marks

/** A pattern of Python. @param {string} pattern */
export function python(pattern) {
  return unicode(pattern.replaceAll("(?P<", "(?<"), PYTHON_SPACE, PYTHON_WORD);
}

/** A pattern whose \w, \d, \s and \b are Unicode's. @param {string} pattern @param {string} [space] what \s stands for @param {string} [word] what \w stands for */
export function unicode(pattern, space = SPACE, word = WORD) {
  const edge = `(?:(?<=[${word}])(?![${word}])|(?<![${word}])(?=[${word}]))`;
  let out = "", inside = false;
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === "\\") {
      const letter = pattern[++i], whole = { w: word, d: "\\p{Nd}", s: space }[letter];
      if (whole) out += inside ? whole : `[${whole}]`;
      else if (letter === "b" && !inside) out += edge;
      else if (/[\^$.*+?()[\]{}|/\\-]/.test(letter)) out += `\\${letter}`;
      else if (/[a-z0-9]/i.test(letter)) out += `\\${letter}`;
      else out += letter; // an escape that JavaScript does not need
    } else {
      if (c === "[") inside = true;
      if (c === "]") inside = false;
      out += c;
    }
  }
  return new RegExp(out, "gu");
}
