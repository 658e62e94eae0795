// @ts-check
/**
 * A view of the served page on this page: the same template, style and behaviour, and the same
 * contract as gradio's HTML component gives it.
 *
 *   element   where its template stands; behaviours look for their parts inside of it
 *   props     {value}: what is shown
 *   watch     watch('value', show): called whenever the value is another one
 *   trigger   trigger('drop', data): what the visitor asks of the page
 */

/** @typedef {{ element: HTMLElement, value: any, show: (value: any) => void }} View */

/**
 * @param {string} name of the view's folder
 * @param {HTMLElement} element it is put into; its id is what tests and links call it
 * @param {any} [value] shown at first
 * @param {Record<string, (data: any) => void>} [heard] answers to what the view triggers
 * @returns {Promise<View>}
 */
export async function mount(name, element, value = null, heard = {}) {
  const { template, default: behave } = await import(`../../views/${name}.js`);
  const props = { value }, watching = /** @type {(() => void)[]} */ ([]);
  element.classList.add("view", `view-${name}`);
  element.innerHTML = template;
  behave(
    element, props,
    (/** @type {string} */ what, /** @type {() => void} */ changed) => watching.push(changed),
    (/** @type {string} */ event, /** @type {any} */ data) => heard[event]?.(data),
  );
  return {
    element,
    get value() {
      return props.value;
    },
    show(next) {
      props.value = next;
      for (const changed of watching) changed();
    },
  };
}

/** What stands there before anything is computed (shown/NAME.json); null if there is nothing. @param {string} name */
export async function shown(name) {
  try {
    const answer = await fetch(new URL(`../../shown/${name}.json`, import.meta.url));
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}
