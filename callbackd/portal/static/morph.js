// Makes one piece of a page like another, touching only what differs: what has focus keeps it, what is open stays open.

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.id || node.dataset.key || "" : "");

// What people change and the server does not know.
const OURS = new Set(["open", "value", "checked", "selected"]);
const isOurs = (node, name) => OURS.has(name) && node.type !== "hidden";

const fits = (node, wanted) => node.nodeType === wanted.nodeType && node.nodeName === wanted.nodeName;

export function morph(from, to) {
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
    return;
  }
  if (from.isEqualNode(to)) return;
  for (const { name, value } of to.attributes) {
    if (!isOurs(from, name) && from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  for (const { name } of [...from.attributes]) {
    if (!isOurs(from, name) && !to.hasAttribute(name)) from.removeAttribute(name);
  }
  // A running time is counted here; the server's word on it is a moment old.
  if (to.dataset?.since) return;
  morphChildren(from, to);
}

export function morphChildren(from, to) {
  const wanted = new Set();
  for (const node of to.childNodes) if (keyOf(node)) wanted.add(keyOf(node));
  const kept = new Map();
  for (const node of [...from.childNodes]) {
    const key = keyOf(node);
    if (!key) continue;
    if (wanted.has(key)) kept.set(key, node);
    else node.remove();
  }
  let place = from.firstChild;
  for (const next of [...to.childNodes]) {
    const key = keyOf(next);
    let match = key ? kept.get(key) : null;
    if (!key) {
      for (let node = place; node && !match; node = node.nextSibling) {
        if (!keyOf(node) && fits(node, next)) match = node;
        else if (keyOf(node)) break;
      }
    }
    if (match && fits(match, next)) {
      if (match === place) place = place.nextSibling;
      else if (!key) {
        while (place !== match) {
          const gone = place;
          place = place.nextSibling;
          gone.remove();
        }
        place = match.nextSibling;
      } else from.insertBefore(match, place);
      morph(match, next);
    } else {
      from.insertBefore(next, place);
    }
  }
  while (place) {
    const gone = place;
    place = place.nextSibling;
    gone.remove();
  }
}
