// The elements of the page. Words of others (tags, names) are only ever set as text.

const SVG = "http://www.w3.org/2000/svg";

export const $ = (id) => document.getElementById(id);

export function made(name, fields = {}, ...children) {
  const node = document.createElement(name);
  const { data = {}, ...rest } = fields;
  Object.assign(node, rest);
  Object.assign(node.dataset, data);
  node.append(...children);
  return node;
}

export function drawn(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

export function say(text, bad = false) {
  const note = made("p", { className: bad ? "note bad" : "note", textContent: text });
  $("notes").append(note);
  while ($("notes").children.length > 3) $("notes").firstChild.remove();
  setTimeout(() => note.remove(), bad ? 15000 : 6000);
}
