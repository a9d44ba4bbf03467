// The neighbourhood of an entity, drawn: it in the middle, around it what it is related to, by type of
// relation, and outside what these are related to in turn.

import { byRefs } from './api.mjs';
import { h, svg } from './dom.mjs';
import { parseRef, pathOf, shortRef } from './text.mjs';

const WIDTH = 960;
const HEIGHT = 560;
/** Entities on each ring: more could not be told apart. */
const NEAR = 24;
const FAR = 36;
const INNER = 0.52;
/** Siblings on the outer ring stand in two rows, so that their names do not overlap. */
const OUTER = [0.95, 0.8];

/** The drawing, or nothing where there is nothing to draw. */
export async function neighbourhood(ref, relations, signal) {
  const near = nearest(ref, relations);
  if (near.length === 0) return null;
  const entities = await byRefs(near.map(node => node.ref), ['relations'], { signal });
  near.forEach((node, index) => (node.relations = entities[index]?.relations ?? []));
  const far = beyond(ref, near);
  place(near, far);
  const hidden = new Set(relations.map(({ targetRef }) => targetRef)).size - near.length;
  return h('figure', {},
    drawing(ref, near, far),
    h('figcaption', { class: 'soft' },
      'Neighbourhood: what it is related to, and what that is related to.',
      hidden > 0 && ` ${hidden.toLocaleString('en')} more neighbours are not drawn.`));
}

/** One node for each neighbour, those of one type beside each other. */
function nearest(ref, relations) {
  const nodes = new Map();
  for (const { type, targetRef } of relations) {
    if (targetRef !== ref && !nodes.has(targetRef)) nodes.set(targetRef, { ref: targetRef, type });
  }
  const types = [...Map.groupBy(nodes.values(), ({ type }) => type).values()];
  // Of many members a few stand for all, so that rarer relations have a place too.
  const picked = [];
  for (let round = 0; picked.length < NEAR && types.some(nodesOf => nodesOf.length > round); round += 1) {
    picked.push(...types.map(nodesOf => nodesOf[round]).filter(Boolean));
  }
  return picked.slice(0, NEAR).toSorted((a, b) => a.type.localeCompare(b.type) || a.ref.localeCompare(b.ref));
}

/** What the neighbours are related to, each beside the first one that leads there. */
function beyond(ref, near) {
  const seen = new Set([ref, ...near.map(node => node.ref)]);
  const share = Math.max(1, Math.floor(FAR / near.length));
  return near.flatMap(parent => {
    const fresh = [];
    for (const { type, targetRef } of parent.relations) {
      if (fresh.length === share) break;
      if (seen.has(targetRef)) continue;
      seen.add(targetRef);
      fresh.push({ ref: targetRef, type, parent });
    }
    return fresh;
  });
}

function place(near, far) {
  near.forEach((node, index) => at(node, index / near.length, INNER));
  for (const [parent, children] of Map.groupBy(far, node => node.parent)) {
    const width = 1 / near.length;
    children.forEach((node, index) => {
      at(node, parent.turn + width * ((index + 1) / (children.length + 1) - 0.5), OUTER[index % 2]);
    });
  }
}

function at(node, turn, radius) {
  const angle = 2 * Math.PI * turn - Math.PI / 2;
  node.turn = turn;
  node.x = WIDTH / 2 + (radius * (WIDTH - 220) * Math.cos(angle)) / 2;
  node.y = HEIGHT / 2 + (radius * (HEIGHT - 60) * Math.sin(angle)) / 2;
}

function drawing(ref, near, far) {
  const middle = { ref, x: WIDTH / 2, y: HEIGHT / 2 };
  const known = new Map([middle, ...near, ...far].map(node => [node.ref, node]));
  const across = near.flatMap(node =>
    node.relations
      .map(({ targetRef }) => known.get(targetRef))
      .filter(other => other && other !== middle && other.ref > node.ref && near.includes(other))
      .map(other => line(node, other, 'across')));
  return svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'group', 'aria-label': `Neighbourhood of ${shortRef(ref)}` },
    svg('g', { class: 'lines' },
      across,
      far.map(node => line(node.parent, node, 'outer')),
      near.map(node => line(middle, node, 'inner'))),
    svg('g', { class: 'types', 'aria-hidden': 'true' }, labels(middle, near)),
    far.map(node => box(node, 'outer')),
    near.map(node => box(node, 'inner')),
    box(middle, 'middle'));
}

/** Each type of relation is written once, on the way to the middle one of its neighbours. */
function labels(middle, near) {
  return [...Map.groupBy(near, ({ type }) => type)].map(([type, nodes]) => {
    const node = nodes[Math.floor((nodes.length - 1) / 2)];
    const [x, y] = [middle.x + (node.x - middle.x) * 0.55, middle.y + (node.y - middle.y) * 0.55];
    return svg('text', { x, y: y - 3 }, type);
  });
}

const line = (from, to, className) => svg('line', { class: className, x1: from.x, y1: from.y, x2: to.x, y2: to.y });

function box({ ref, x, y, type }, className) {
  const { kind, name } = parseRef(ref);
  const text = name.length > 20 ? `${name.slice(0, 19)}…` : name;
  const width = 16 + text.length * (className === 'outer' ? 6 : 7.2);
  const height = className === 'outer' ? 20 : 26;
  return svg('a', { href: pathOf(ref), class: `node ${className} kind-${kind}`, 'aria-label': [type, shortRef(ref)].filter(Boolean).join(' ') },
    svg('title', {}, [type, shortRef(ref)].filter(Boolean).join(' ')),
    svg('rect', { x: x - width / 2, y: y - height / 2, width, height, rx: 6 }),
    svg('text', { x, y: y + 4 }, text));
}
