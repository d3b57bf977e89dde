import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteCache } from "../../webview/bytes/byte-cache.ts";
import type { Row } from "../../webview/artefact/messages.ts";
import { rowAt } from "../../webview/bytes/scroll.ts";
import { rangeText, visible } from "../../webview/bytes/text.ts";
import { Tree } from "../../webview/bytes/tree.ts";

const row = (id: number, name: string, hasChildren = false): Row => ({
  id,
  name,
  value: "",
  offset: 0,
  length: 0,
  hasChildren,
  opens: false,
});

test("hostile text is shown as text", () => {
  assert.equal(visible("<img src=x onerror=alert(1)>"), "<img src=x onerror=alert(1)>");
  assert.equal(visible("a\u0000b\u001b[0m"), "a\\x00b\\x1b[0m");
  assert.equal(visible("gnp.\u202eexe\u200b"), "gnp.\\u{202e}exe\\u{200b}");
  assert.equal(visible("x".repeat(5000)).length, 2001);
  assert.equal(visible("größe 大"), "größe 大");
});

test("ranges", () => {
  assert.equal(rangeText(0x1be, 16), "0x1be–0x1cd");
  assert.equal(rangeText(510, 1), "0x1fe");
  assert.equal(rangeText(510, 0), "");
});

test("a tree shows what is unfolded, and loads it once", async () => {
  const loads: number[] = [];
  const tree = new Tree((id) => {
    loads.push(id);
    return Promise.resolve([row(id * 10, `${id}a`, true), row(id * 10 + 1, `${id}b`)]);
  });
  tree.setRoots([row(1, "one", true), row(2, "two")]);
  await tree.unfold(1);
  await tree.unfold(10);
  assert.deepEqual(
    tree.visible.map(({ row: { name }, level, place, siblings }) => `${level} ${name} ${place}/${siblings}`),
    ["1 one 1/2", "2 1a 1/2", "3 10a 1/2", "3 10b 2/2", "2 1b 2/2", "1 two 2/2"],
  );
  assert.equal(tree.parentOf(10), 1);
  tree.fold(1);
  assert.equal(tree.visible.length, 2);
  await tree.unfold(1);
  assert.equal(tree.visible.length, 6, "what was unfolded below is so again");
  assert.deepEqual(loads, [1, 10]);
});

test("a scroll bar reaches the first and the last row of any disk", () => {
  const rows = 40e9 / 16;
  assert.equal(rowAt(0, 8e6, rows), 0);
  assert.equal(rowAt(8e6, 8e6, rows), rows);
  assert.equal(rowAt(9e6, 8e6, rows), rows);
  assert.equal(rowAt(5, 0, rows), 0, "all is on the screen");
});

test("bytes are asked for by blocks, once each, and only when looked at", async () => {
  const asked: string[] = [];
  let arrived = 0;
  const cache = new ByteCache(
    (stream, offset, length) => {
      asked.push(`${stream}:${offset}+${length}`);
      return Promise.resolve(Uint8Array.from({ length }, (_, index) => (offset + index) & 0xff));
    },
    () => arrived++,
  );
  assert.equal(cache.byte(0, 4097), undefined);
  assert.equal(cache.byte(0, 4098), undefined);
  assert.deepEqual(asked, ["0:4096+4096"]);
  await Promise.resolve();
  assert.equal(arrived, 1);
  assert.equal(cache.byte(0, 4097), 1);
  assert.equal(cache.byte(1, 4097), undefined, "each stream has its own bytes");
});

test("bytes that cannot be read are told once, not asked for again and again", async () => {
  let told: string | undefined;
  let asked = 0;
  const cache = new ByteCache(
    () => {
      asked++;
      return Promise.reject(new Error("The data are damaged."));
    },
    (failure) => (told = failure),
  );
  cache.byte(0, 0);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(told, "The data are damaged.");
  assert.equal(cache.byte(0, 0), undefined);
  assert.equal(asked, 1);
});
