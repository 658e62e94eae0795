  // What the page knows of recipes. `typed` is what the widgets say, `shown` the recipe of the
  // picture that is shown, `asked` what is being drawn.
  const NAMES = Object.keys(FACTS.fields);
  const state = { typed: null, shown: null, link: null, asked: null, busy: false, place: {} };

  const find = (selector) => document.querySelector(selector);
  const make = (tag, text, cls) => Object.assign(document.createElement(tag), { textContent: text ?? "", className: cls ?? "" });
  const on = (name, listen) => document.addEventListener("playground:" + name, ({ detail }) => listen(detail));
  const tell = (name, detail) => document.dispatchEvent(new CustomEvent("playground:" + name, { detail }));

  const byName = (values) => Object.fromEntries(NAMES.map((name, i) => [name, values[i]]));

  // A link's recipe with every field said, as Recipe.from_query.
  function read(link) {
    const plain = atob(link.replace(/-/g, "+").replace(/_/g, "/"));
    const said = JSON.parse(new TextDecoder().decode(Uint8Array.from(plain, (c) => c.charCodeAt(0))));
    return Object.fromEntries(NAMES.map((name) => [name, said[name] ?? FACTS.fields[name].default]));
  }

  // A number box may hand over text, and nothing when it is empty.
  const isNumber = (name) => typeof FACTS.fields[name].default === "number";
  const plain = (value) => String(value ?? "");
  const same = (name, a, b) => plain(a) === plain(b) || (isNumber(name) && plain(a) !== "" && plain(b) !== "" && +a === +b);
  const differing = (a, b, names = NAMES) => names.filter((name) => !same(name, a[name], b[name]));
  // What of the widgets is neither drawn nor being drawn.
  const undrawn = () => (state.typed && state.shown ? differing(state.typed, (state.busy && state.asked) || state.shown) : []);

  function called(name, value) {
    const { called } = FACTS.fields[name];
    if (called[value]) return called[value];
    return isNumber(name) && plain(value) !== "" ? String(+(+value).toFixed(2)) : plain(value);
  }

  // A recipe's field in a sentence.
  function fact(name, recipe) {
    const text = called(name, recipe[name]) || "nothing", { short, label } = FACTS.fields[name];
    if (name === "sampler" || name === "model") return text;
    if (name === "steps") return `${text} step${text === "1" ? "" : "s"}`;
    if (name === "prompt" || name === "negative") return `${label.toLowerCase()} “${recipe[name] ?? ""}”`;
    const begun = /^.[^A-Z]*$/.test(label) ? label.charAt(0).toLowerCase() + label.slice(1) : label;  // not an abbreviation
    return short.length === 1 ? `${short} = ${text}` : `${begun} ${text}`;
  }
  const titled = ({ prompt }) => (prompt ? `“${prompt}”` : "no words");
  const pressDraw = () => document.getElementById("draw")?.click();
