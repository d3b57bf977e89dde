/** Order and nesting of a region's blocks, so that WebAssembly's structured branches can express the control flow. */

/** Blocks are numbers from 0; the number behind the last block stands for the region's entry. */
export interface Structure {
  /** Place of each block in reverse postorder; -1 for the unreachable. */
  readonly order: Int32Array;
  /** Blocks that the entry leads to: the region's own entries, and targets of jumps into the midst of loops. */
  readonly entries: readonly number[];
  /** Some jump has to go through the entry. */
  readonly detours: boolean;
  /** Blocks that jumps from behind lead to. */
  readonly loops: ReadonlySet<number>;
  /** Blocks that several jumps from before lead to, below the block that dominates them; those placed outermost come first. */
  readonly merges: readonly number[][];
  readonly isMerge: Uint8Array;
  readonly dominates: (over: number, block: number) => boolean;
}

/**
 * Dominators and loops (after N. Ramsey, "Beyond Relooper", 2022).
 * @param successors of each block
 */
export function structure(successors: readonly (readonly number[])[], firstEntries: readonly number[]): Structure {
  const count = successors.length;
  const root = count;
  const entries = [...firstEntries];
  let detours = false;
  for (;;) {
    const next = [...successors, entries];
    const postorder = walk(next, root);
    const order = new Int32Array(count + 1).fill(-1);
    const sequence = postorder.reverse();
    sequence.forEach((block, place) => (order[block] = place));
    const dominator = dominators(next, sequence, order, root);
    const dominates = (over: number, block: number): boolean => {
      let at = block;
      while (order[at]! > order[over]!) at = dominator[at]!;
      return at === over;
    };
    let irreducible = false;
    for (const from of sequence) {
      for (const to of next[from]!) {
        if (order[to]! > order[from]! || dominates(to, from)) continue;
        // A jump into the midst of a loop goes through the entry.
        detours = true;
        if (!entries.includes(to)) {
          entries.push(to);
          irreducible = true;
        }
      }
    }
    if (irreducible) continue;
    const loops = new Set<number>();
    const forward = new Int32Array(count + 1);
    for (const from of sequence) {
      for (const to of next[from]!) {
        if (order[to]! > order[from]!) forward[to]!++;
        else if (dominates(to, from)) loops.add(to);
      }
    }
    // What the entry's table leads to needs a label.
    if (entries.length > 1) for (const entry of entries) forward[entry]! += 2;
    const isMerge = new Uint8Array(count + 1);
    const merges: number[][] = Array.from({ length: count + 1 }, () => []);
    for (const block of sequence) {
      if (block === root || forward[block]! < 2) continue;
      isMerge[block] = 1;
      merges[dominator[block]!]!.push(block);
    }
    for (const list of merges) list.sort((a, b) => order[b]! - order[a]!);
    return { order, entries, detours, loops, merges, isMerge, dominates };
  }
}

function walk(next: readonly (readonly number[])[], root: number): number[] {
  const postorder: number[] = [];
  const seen = new Uint8Array(next.length);
  seen[root] = 1;
  const stack: [number, number][] = [[root, 0]];
  while (stack.length > 0) {
    const top = stack[stack.length - 1]!;
    const targets = next[top[0]]!;
    if (top[1] === targets.length) {
      postorder.push(top[0]);
      stack.pop();
      continue;
    }
    const to = targets[top[1]++]!;
    if (seen[to]) continue;
    seen[to] = 1;
    stack.push([to, 0]);
  }
  return postorder;
}

/** Immediate dominators (Cooper, Harvey, Kennedy: A Simple, Fast Dominance Algorithm). */
function dominators(
  next: readonly (readonly number[])[],
  sequence: readonly number[],
  order: Int32Array,
  root: number,
): Int32Array {
  const before: number[][] = next.map(() => []);
  for (const from of sequence) for (const to of next[from]!) before[to]!.push(from);
  const dominator = new Int32Array(next.length).fill(-1);
  dominator[root] = root;
  const meet = (a: number, b: number): number => {
    while (a !== b) {
      while (order[a]! > order[b]!) a = dominator[a]!;
      while (order[b]! > order[a]!) b = dominator[b]!;
    }
    return a;
  };
  for (let changed = true; changed;) {
    changed = false;
    for (const block of sequence) {
      if (block === root) continue;
      let found = -1;
      for (const from of before[block]!) {
        if (dominator[from]! >= 0) found = found < 0 ? from : meet(from, found);
      }
      if (dominator[block] !== found) {
        dominator[block] = found;
        changed = true;
      }
    }
  }
  return dominator;
}
