import assert from "node:assert/strict";
import { test } from "node:test";
import { structure } from "./structure.ts";

test("a loop with a branch in it: the head is a loop, the join below it a merge", () => {
  // 0 → 1; 1 → 2, 3; 2 → 4; 3 → 4; 4 → 1, 5
  const { loops, merges, isMerge, entries, detours, dominates } = structure([[1], [2, 3], [4], [4], [1, 5], []], [0]);
  assert.deepEqual([...loops], [1]);
  assert.deepEqual(merges[1], [4]);
  assert.deepEqual(
    [...isMerge.keys()].filter((block) => isMerge[block]),
    [4],
  );
  assert.deepEqual(entries, [0]);
  assert.equal(detours, false);
  assert.ok(dominates(1, 4));
  assert.ok(!dominates(2, 4));
});

test("a jump into the midst of a loop makes its target an entry, reached by a detour", () => {
  // 0 → 1, 2; 1 ⇄ 2: neither dominates the other.
  const { entries, detours } = structure([[1, 2], [2], [1]], [0]);
  assert.equal(detours, true);
  assert.equal(entries.length, 2);
  assert.equal(entries[0], 0);
});

test("several entries are merges below the region's entry, the outermost first", () => {
  const { merges, order } = structure([[1], [2], [0]], [0, 2]);
  const below = merges[3]!;
  assert.deepEqual([...below].sort(), [0, 2]);
  assert.ok(order[below[0]!]! > order[below[1]!]!);
});

test("ten thousand random graphs: every block has a place, every backward jump a loop or an entry to go to", () => {
  let seed = 1;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >>> 8) % below;
  };
  for (let round = 0; round < 10_000; round++) {
    const count = 1 + random(12);
    const successors = Array.from({ length: count }, () => Array.from({ length: random(3) }, () => random(count)));
    const { order, entries, loops, dominates } = structure(successors, [0]);
    successors.forEach((targets, from) => {
      if (order[from]! < 0) return;
      for (const to of targets) {
        assert.ok(order[to]! >= 0, "a reachable block without a place");
        if (order[to]! > order[from]!) continue;
        if (dominates(to, from)) assert.ok(loops.has(to), `${from} → ${to} in ${JSON.stringify(successors)}`);
        else assert.ok(entries.includes(to), `${from} → ${to} in ${JSON.stringify(successors)}`);
      }
    });
  }
});
