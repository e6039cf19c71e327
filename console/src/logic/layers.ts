/** Places for a directed graph, drawn from left to right: layers, few crossings, lines as straight as they get (Sugiyama's method). */

export interface Link {
  readonly from: string;
  readonly to: string;
}

export interface Spot {
  readonly layer: number;
  /** The middle, in units of its own choice; the topmost is 0. */
  readonly y: number;
}

interface Cell {
  readonly name: string;
  readonly layer: number;
  /** Of the room that it takes; a link that passes through a layer needs less. */
  readonly size: number;
  y: number;
  readonly before: Cell[];
  readonly after: Cell[];
}

const SWEEPS = 8;
const PASSING = 0.6;

export function layered(links: readonly Link[]): ReadonlyMap<string, Spot> {
  const names = [...new Set(links.flatMap(({ from, to }) => [from, to]))].sort();
  const forward = acyclic(names, links);
  const layers = cells(names, forward);
  for (const layer of layers) stack(layer);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const order = sweep % 2 === 0 ? layers : [...layers].reverse();
    for (const layer of order) {
      const wanted = new Map(layer.map((cell) => [cell, middle(sweep % 2 === 0 ? cell.before : cell.after, cell.y)]));
      layer.sort((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0));
      settle(layer, wanted);
    }
  }
  for (const layer of layers) settle(layer, new Map(layer.map((cell) => [cell, middle([...cell.before, ...cell.after], cell.y)])));
  const all = layers.flat().filter((cell) => cell.name !== "\n");
  const top = Math.min(...all.map((cell) => cell.y), Infinity);
  return new Map(all.map((cell) => [cell.name, { layer: cell.layer, y: cell.y - top }]));
}

/** Links without those that close a circle. */
function acyclic(names: readonly string[], links: readonly Link[]): readonly Link[] {
  const next = new Map(names.map((name) => [name, links.filter((link) => link.from === name && link.to !== name)]));
  const called = new Set(links.filter((link) => link.from !== link.to).map((link) => link.to));
  const state = new Map<string, "open" | "done">();
  const kept: Link[] = [];
  const visit = (name: string) => {
    state.set(name, "open");
    for (const link of next.get(name) ?? []) {
      if (state.get(link.to) === "open") continue;
      kept.push(link);
      if (!state.has(link.to)) visit(link.to);
    }
    state.set(name, "done");
  };
  // Those that nobody calls come first: they stand at the left.
  for (const name of [...names.filter((one) => !called.has(one)), ...names]) if (!state.has(name)) visit(name);
  return kept;
}

function cells(names: readonly string[], links: readonly Link[]): Cell[][] {
  const rank = new Map(names.map((name) => [name, 0]));
  for (let round = 0; round < names.length; round += 1) {
    for (const { from, to } of links) rank.set(to, Math.max(rank.get(to) ?? 0, (rank.get(from) ?? 0) + 1));
  }
  const made = new Map(names.map((name) => [name, { name, layer: rank.get(name) ?? 0, size: 1, y: 0, before: [], after: [] } as Cell]));
  const layers: Cell[][] = [];
  for (const cell of made.values()) (layers[cell.layer] ??= []).push(cell);
  for (const { from, to } of links) {
    let last = made.get(from) as Cell;
    const end = made.get(to) as Cell;
    for (let layer = last.layer + 1; layer < end.layer; layer += 1) {
      const passing: Cell = { name: "\n", layer, size: PASSING, y: 0, before: [last], after: [] };
      (layers[layer] ??= []).push(passing);
      last.after.push(passing);
      last = passing;
    }
    last.after.push(end);
    end.before.push(last);
  }
  return layers;
}

function middle(cells: readonly Cell[], otherwise: number): number {
  return cells.length === 0 ? otherwise : cells.reduce((sum, cell) => sum + cell.y, 0) / cells.length;
}

function stack(layer: readonly Cell[]): void {
  let y = 0;
  for (const cell of layer) {
    cell.y = y + cell.size / 2;
    y += cell.size;
  }
}

/** As near to what is wanted as the room allows, in the order as it is. */
function settle(layer: readonly Cell[], wanted: ReadonlyMap<Cell, number>): void {
  let end = -Infinity;
  for (const cell of layer) {
    cell.y = Math.max(wanted.get(cell) ?? 0, end + cell.size / 2);
    end = cell.y + cell.size / 2;
  }
  const off = layer.reduce((sum, cell) => sum + cell.y - (wanted.get(cell) ?? 0), 0) / Math.max(1, layer.length);
  for (const cell of layer) cell.y -= off;
}
