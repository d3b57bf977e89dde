/** What the Memory panel thinks, without a browser. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BreakpointMarks } from "../../webview/memory/breakpoint-marks.ts";
import { DigitEntry } from "../../webview/memory/digit-entry.ts";
import { MemoryEditor } from "../../webview/memory/editor.ts";
import { inOtherSpace, locate } from "../../webview/memory/locate.ts";
import { MemoryPages, type Piece } from "../../webview/memory/pages.ts";
import { PlaceHistory } from "../../webview/memory/places.ts";
import { RowWindow } from "../../webview/memory/row-window.ts";
import { isCanonical, isPlainNumber, spaceEnd, withinSpace, type Place } from "../../webview/memory/spaces.ts";
import {
  bytesOfNumber,
  bytesPerRow,
  decimalText,
  hexText,
  numbersAt,
  rowCharacters,
  unitText,
} from "../../webview/memory/units.ts";

const lin = (address: bigint): Place => ({ space: "lin", address });
const phys = (address: bigint): Place => ({ space: "phys", address });

test("numbers are little-endian, signed where that differs, and dots where a byte is missing", () => {
  const bytes = [0x34, 0x12, 0xff, 0xff, undefined];
  assert.equal(unitText(bytes.slice(0, 4)), "ffff1234");
  assert.equal(unitText([1, undefined]), "··01");
  assert.equal(hexText(bytes), "34 12 ff ff ··");
  const told = numbersAt([...bytes, 0, 0, 0]).map(({ unit, value }) => `${unit}: ${decimalText(value, unit)}`);
  assert.deepEqual(told, ["1: 52", "2: 4660", "4: 4294906420 (−60876)"]);
  assert.deepEqual([...bytesOfNumber(0x1234n, 4)], [0x34, 0x12, 0, 0]);
});

test("a row has as many bytes as fit", () => {
  for (const unit of [1, 2, 4, 8] as const) {
    const exact = rowCharacters(16, unit, 16);
    assert.equal(bytesPerRow(exact, unit, 16), 16);
    assert.equal(bytesPerRow(exact - 1, unit, 16), 8);
    assert.equal(bytesPerRow(1, unit, 16), 8);
    assert.equal(bytesPerRow(1000, unit, 16), 32);
  }
});

test("spaces have ends, and linear addresses a hole in their middle", () => {
  assert.equal(withinSpace("lin", -1n), 0n);
  assert.equal(withinSpace("lin", 1n << 64n), 0xffffffffffffffffn);
  assert.equal(withinSpace("phys", 1n << 64n), 0xffffffffffn);
  const canonical = [0x7fffffffffffn, 0x800000000000n, 0xffff7fffffffffffn, 0xffff800000000000n].map((address) =>
    isCanonical(lin(address)),
  );
  assert.deepEqual(canonical, [true, false, false, true]);
  assert.deepEqual(["0x7c00", "7c00h", "31744", "rsp", "07c0:0000", "phys:0x7c00"].map(isPlainNumber), [
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});

test("rows reach from the first to the last of 2^60, and scroll around where they are", () => {
  const rows = new RowWindow();
  const total = spaceEnd("lin") / 16n;
  rows.resize(total, 30);
  assert.deepEqual([rows.top, rows.base, rows.isNearEdge], [0n, 0n, false]);
  rows.goTo(total);
  assert.equal(rows.top, total - 30n);
  assert.equal(rows.base + BigInt(rows.rows), total, "the area ends where the space ends");
  assert.equal(rows.isNearEdge, false);
  const middle = 0xffffffff81000000n / 16n;
  rows.goTo(middle);
  assert.equal(rows.position, rows.rows / 2);
  rows.scrolledTo(rows.position + 3.2);
  assert.equal(rows.top, middle + 3n);
  rows.scrolledTo(10);
  assert.ok(rows.isNearEdge);
  const { top } = rows;
  rows.centre();
  assert.equal(rows.top, top, "what is on the screen stays");
  assert.equal(rows.isNearEdge, false);
  rows.reveal(top - 1n);
  assert.equal(rows.top, top - 1n);
  rows.reveal(top + 29n);
  assert.equal(rows.top, top);
  assert.deepEqual([rows.shows(top), rows.shows(top + 29n), rows.shows(top + 30n)], [true, true, false]);
  rows.goTo(-5n);
  assert.deepEqual([rows.top, rows.base], [0n, 0n]);
});

test("a space of a few rows has no more", () => {
  const rows = new RowWindow();
  rows.resize(10n, 30);
  rows.goTo(9n);
  assert.deepEqual([rows.top, rows.rows, rows.isNearEdge], [0n, 10, false]);
});

/** Memory of bytes that count, with a hole, as the adapter answers. */
class Guest {
  readonly bytes = new Map<bigint, number>();
  reads: string[] = [];
  isReadOnly = false;

  readonly read = (reference: string, length: number): Promise<Piece> => {
    this.reads.push(`${reference}+${length}`);
    const start = BigInt(reference.replace(/^\w+:/, ""));
    const isHole = (address: bigint): boolean => address >= 0x1100n && address < 0x1200n;
    const found: number[] = [];
    let address = start;
    for (; address < start + BigInt(length) && !isHole(address); address++) {
      found.push(this.bytes.get(address) ?? Number(address & 0xffn));
    }
    let end = address;
    while (end < start + BigInt(length) && isHole(end)) end++;
    return Promise.resolve({ bytes: Uint8Array.from(found), unreadable: Number(end - address) });
  };

  readonly write = ({ address }: Place, bytes: Uint8Array): Promise<void> => {
    if (this.isReadOnly) return Promise.reject(new Error("There is no RAM there."));
    bytes.forEach((byte, offset) => this.bytes.set(address + BigInt(offset), byte));
    return Promise.resolve();
  };
}

interface Seen {
  guest: Guest;
  pages: MemoryPages;
  failures: string[];
  /** Reads a byte, waiting for its page. */
  look: (address: bigint) => Promise<string>;
}

function seen(): Seen {
  const guest = new Guest();
  const failures: string[] = [];
  const pages = new MemoryPages(guest.read, (failure) => {
    if (failure !== undefined) failures.push(failure);
  });
  const look = async (address: bigint): Promise<string> => {
    await pages.range(lin(address), 1);
    const { value, was, isUnknown, isEdited } = pages.byte("lin", address);
    const marks = [isUnknown ? "unknown" : "", was === undefined ? "" : `was ${was}`, isEdited ? "edited" : ""];
    return [String(value), ...marks.filter((mark) => mark !== "")].join(" ");
  };
  return { guest, pages, failures, look };
}

test("pages are read once a stop, with their holes", async () => {
  const { guest, pages, look } = seen();
  assert.equal(await look(0x1001n), "undefined unknown", "nothing is asked before the first stop");
  assert.deepEqual(guest.reads, []);
  pages.stopped();
  assert.equal(await look(0x1001n), "1");
  assert.equal(await look(0x1101n), "undefined");
  assert.equal(await look(0x1201n), "1");
  assert.deepEqual(guest.reads, ["lin:0x1000+4096", "lin:0x1200+3584"]);
  pages.running();
  assert.equal(await look(0x1001n), "1", "what was there stays");
  assert.equal(await look(0x5000n), "undefined unknown");
  assert.equal(guest.reads.length, 2);
});

test("what changed is what differs from the last stop, where that was read", async () => {
  const { guest, pages, look } = seen();
  pages.stopped();
  await look(0x2000n);
  guest.bytes.set(0x2000n, 7);
  pages.running();
  pages.stopped();
  assert.equal(await look(0x2000n), "7 was 0");
  pages.outdate();
  assert.equal(await look(0x2000n), "7 was 0", "an edit elsewhere is no stop");
  pages.stopped();
  assert.equal(await look(0x2000n), "7");
  pages.stopped();
  guest.bytes.set(0x2000n, 8);
  pages.stopped();
  assert.equal(await look(0x2000n), "8", "nobody looked at the last stop");
  pages.forget();
  pages.stopped();
  assert.equal(await look(0x2000n), "8");
});

test("an answer to what was asked at the stop before is too late", async () => {
  const waiting: (() => void)[] = [];
  let value = 1;
  const pages = new MemoryPages(
    (_, length) => {
      const bytes = new Uint8Array(length).fill(value);
      return new Promise((resolve) => waiting.push(() => resolve({ bytes, unreadable: 0 })));
    },
    () => undefined,
  );
  pages.stopped();
  pages.byte("lin", 0n);
  pages.running();
  value = 2;
  pages.stopped();
  const second = pages.range(lin(0n), 1);
  for (const go of waiting) go();
  assert.deepEqual(await second, [2]);
});

test("a failure is told once, and a range has a limit", async () => {
  let reads = 0;
  const failures: (string | undefined)[] = [];
  const pages = new MemoryPages(
    () => {
      reads++;
      return Promise.reject(new Error("There is no machine."));
    },
    (failure) => failures.push(failure),
  );
  pages.stopped();
  assert.deepEqual(await pages.range(lin(0n), 2), [undefined, undefined]);
  assert.deepEqual([reads, failures], [1, ["There is no machine."]]);
  await assert.rejects(pages.range(lin(0n), 1 << 20), /^Error: At most 65536 bytes .* 1048576 are chosen\.$/);
});

test("an answer without a byte ends the page", async () => {
  const pages = new MemoryPages(
    () => Promise.resolve({ bytes: new Uint8Array(), unreadable: 0 }),
    () => undefined,
  );
  pages.stopped();
  assert.deepEqual(await pages.range(lin(0xffffffffffffffffn), 1), [undefined]);
});

test("digits are typed over a number, and Enter takes those that are left", () => {
  const entry = new DigitEntry();
  const word = [0xcd, 0xab];
  assert.equal(entry.finish(word, 2), undefined, "nothing was typed");
  assert.equal(entry.type("1", 2), undefined);
  assert.equal(entry.textOver(word), "1bcd");
  assert.deepEqual([...(entry.finish(word, 2) ?? [])], [0xcd, 0x1b]);
  assert.equal(entry.isOpen, false);
  entry.type("1", 2);
  entry.type("2", 2);
  entry.back();
  assert.equal(entry.textOver(word), "1bcd");
  entry.drop();
  assert.equal(entry.textOver(word), "abcd");
  for (const digit of "123") assert.equal(entry.type(digit, 2), undefined);
  assert.deepEqual([...(entry.type("4", 2) ?? [])], [0x34, 0x12]);
  entry.type("1", 2);
  assert.equal(entry.finish([undefined, undefined], 2), undefined, "half of it is not known");
});

test("what was written is taken back and done again, until the machine runs", async () => {
  const { guest, pages, look } = seen();
  const editor = new MemoryEditor(pages, guest.write);
  pages.stopped();
  await look(0x3000n);
  await editor.write(lin(0x3000n), Uint8Array.of(0xaa, 0xbb));
  pages.outdate();
  assert.equal(await look(0x3001n), "187 edited");
  assert.deepEqual(await editor.undo(), lin(0x3000n));
  assert.deepEqual([guest.bytes.get(0x3000n), guest.bytes.get(0x3001n)], [0, 1]);
  assert.equal(await look(0x3001n), "1");
  assert.equal(await editor.undo(), undefined);
  await editor.redo();
  assert.equal(guest.bytes.get(0x3001n), 0xbb);
  editor.forget();
  assert.equal(await editor.undo(), undefined);
});

test("what cannot be written is told, and what is there is read again", async () => {
  const { guest, pages, look } = seen();
  const editor = new MemoryEditor(pages, guest.write);
  pages.stopped();
  await look(0x3000n);
  guest.isReadOnly = true;
  await assert.rejects(editor.write(lin(0x3000n), Uint8Array.of(9)), /no RAM/);
  assert.equal(await look(0x3000n), "0");
  assert.equal(await editor.undo(), undefined);
});

test("expressions lead into the space that is looked at", async () => {
  const asked: string[] = [];
  const ask = (expression: string): ReturnType<Parameters<typeof locate>[2]> => {
    asked.push(expression);
    const isPhysical = expression.startsWith("phys:");
    const mapped = expression.includes("unmapped") ? { fault: "PTE not present" } : { physical: "0x1000" };
    return Promise.resolve({ space: isPhysical ? "phys" : "lin", address: "0x5000", ram: "0x0", ...mapped });
  };
  assert.deepEqual(await locate("rsp", "lin", ask), lin(0x5000n));
  assert.deepEqual(await locate("rsp", "phys", ask), phys(0x1000n));
  assert.deepEqual(await locate("0x5000", "phys", ask), phys(0x5000n));
  assert.deepEqual(await locate("phys:0x5000", "lin", ask), phys(0x5000n));
  assert.deepEqual(await locate("lin:0x5000", "phys", ask), lin(0x5000n));
  assert.deepEqual(asked, ["rsp", "rsp", "phys:(0x5000)", "phys:0x5000", "lin:0x5000"]);
  await assert.rejects(
    locate("unmapped", "phys", ask),
    /^Error: lin:0x5000 has no physical address: .* \(PTE not present\)\.$/,
  );
  assert.deepEqual(await inOtherSpace(lin(0x5000n), ask), phys(0x1000n));
  assert.deepEqual(await inOtherSpace(phys(0x5000n), ask), lin(0x5000n));
});

test("breakpoints show in both spaces, once it is known what is mapped where", async () => {
  const asked: string[] = [];
  let arrived = 0;
  const marks = new BreakpointMarks(
    (expression) => {
      asked.push(expression);
      return Promise.resolve({ space: "lin", address: "0x5000", physical: "0x1000", ram: "0x0" });
    },
    () => arrived++,
  );
  assert.equal(marks.has(lin(0x5010n)), false);
  marks.set(["phys:0x1010", "0x6000"]);
  assert.deepEqual([marks.has(phys(0x1010n)), marks.has(phys(0x1011n)), marks.has(lin(0x6000n))], [true, false, true]);
  assert.equal(marks.has(lin(0x5010n)), false);
  assert.deepEqual(asked, [], "nothing is asked while the machine runs");
  marks.outdate(true);
  assert.equal(marks.has(lin(0x5010n)), false);
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual([asked, arrived], [["lin:0x5000"], 1]);
  assert.deepEqual([marks.has(lin(0x5010n)), marks.has(lin(0x5011n))], [true, false]);
  assert.equal(asked.length, 1);
});

test("there is a way back to where one was, and forward again", () => {
  const places = new PlaceHistory();
  assert.equal(places.back(lin(0n)), undefined);
  places.leave(lin(1n));
  places.leave(lin(1n));
  places.leave(phys(2n));
  assert.deepEqual(places.back(lin(3n)), phys(2n));
  assert.deepEqual(places.back(phys(2n)), lin(1n));
  assert.equal(places.canGoBack, false);
  assert.deepEqual(places.forward(lin(1n)), phys(2n));
  assert.deepEqual(places.forward(phys(2n)), lin(3n));
  assert.equal(places.canGoForward, false);
  places.back(lin(3n));
  places.leave(lin(9n));
  assert.equal(places.canGoForward, false, "a jump begins a new way");
});
