// Building elements. Text is always text: nothing that comes from the catalog is read as HTML.

/**
 * An element. Members of `props` are attributes, but for `on…` (listeners), `true` and `false`
 * (present and absent). Children are elements, texts, or nested lists of these; null is left out.
 */
export function h(tag, props = {}, ...children) {
  return filled(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function svg(tag, props = {}, ...children) {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', tag), props, children);
}

/** Replaces what an element holds. */
export function show(element, ...children) {
  element.replaceChildren(...listed(children));
  return element;
}

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...listed(children));
  return element;
}

const listed = children => children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false);
