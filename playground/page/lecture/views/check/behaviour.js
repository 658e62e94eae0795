// Questions first; their answers arrive when they have been measured.
const KEPT = 'latent-playground.check', group = 'check' + Math.random().toString(36).slice(2);
let chosen = [], boxes = [], answers = null;

try { chosen = JSON.parse(localStorage.getItem(KEPT)) ?? []; } catch { /* then none is kept */ }
if (!Array.isArray(chosen)) chosen = [];

function layOut(questions) {
  boxes = questions.map(({ text, options }, q) => {
    const box = make('fieldset'), found = make('p', '', 'found');
    box.append(make('legend', `${q + 1}. ${text}`), ...options.map((option, i) => {
      const label = make('label'), input = Object.assign(make('input'), { type: 'radio', name: group + q, checked: chosen[q] === i });
      input.onchange = () => {
        chosen[q] = i;
        try { localStorage.setItem(KEPT, JSON.stringify(chosen)); } catch { /* then it is not kept */ }
        if (answers) judge();
      };
      label.append(input, make('span', option));
      return label;
    }), found);
    return box;
  });
  find('questions').replaceChildren(...boxes);
}

function judge() {
  let right = 0;
  answers.forEach((answer, q) => {
    const known = Number.isInteger(chosen[q]), hit = chosen[q] === answer.right;
    right += hit;
    boxes[q].className = !known ? '' : hit ? 'right' : 'wrong';
    [...boxes[q].querySelectorAll('label')].forEach((label, i) => label.classList.toggle('measured', i === answer.right));
    boxes[q].lastChild.textContent = `${!known ? 'Not answered.' : hit ? 'Right.' : 'Not so.'} ${answer.said}`;
  });
  return `${right} of ${answers.length} right.`;
}

function show() {
  const value = props.value;
  if (!value || !value.kind || late(value)) return;
  if (value.kind === 'questions') { if (!boxes.length) layOut(value.questions); return; }
  if (value.kind === 'answers') answers = value.answers;
  say(value.kind === 'answers' ? `${judge()} ${value.text}` : value.text, value.error);
  advance(value.share);
}
watch('value', show);
show();
