/** The packet layer: what is found in a stream, however it is cut and whatever it is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { frame, fromHex, fromLittleEndian, littleEndian, MAX_PACKET, PacketReader } from "./packets.ts";
import type { Incoming } from "./packets.ts";

const feed = (text: string, reader = new PacketReader()): Incoming[] => reader.feed(Buffer.from(text, "latin1"));

test("packets, acknowledgements and interrupts are told apart", () => {
  assert.deepEqual(feed("+$?#3f\x03-$g#67"), [
    { kind: "ack" },
    { kind: "packet", data: "?" },
    { kind: "interrupt" },
    { kind: "nack" },
    { kind: "packet", data: "g" },
  ]);
});

test("a packet may come byte by byte", () => {
  const reader = new PacketReader();
  const found = [...frame("m7c00,10")].flatMap((byte) => reader.feed(Uint8Array.of(byte)));
  assert.deepEqual(found, [{ kind: "packet", data: "m7c00,10" }]);
});

test("every byte survives framing and reading", () => {
  const data = String.fromCharCode(...Array.from({ length: 256 }, (_value, index) => index));
  const bytes = frame(data);
  assert.equal(bytes.toString("latin1").match(/[$#]/g)?.length, 2, "no other frame characters");
  assert.deepEqual(new PacketReader().feed(bytes), [{ kind: "packet", data }]);
});

test("a Ctrl-C within a packet is data", () => {
  assert.deepEqual(new PacketReader().feed(frame("X0,1:\x03")), [{ kind: "packet", data: "X0,1:\x03" }]);
});

test("wrong checksums are bad, and what follows is read", () => {
  for (const wrong of ["$?#40", "$?#zz", "$?#3", "$}#7d"]) {
    assert.deepEqual(feed(`${wrong}$g#67`), [{ kind: "bad" }, { kind: "packet", data: "g" }], wrong);
  }
});

test("a packet that breaks off is forgotten when another begins", () => {
  assert.deepEqual(feed("$qSuppor$?#3f"), [{ kind: "packet", data: "?" }]);
});

test("a packet may be as long as announced, and not longer", () => {
  const longest = "x".repeat(MAX_PACKET);
  assert.deepEqual(new PacketReader().feed(frame(longest)), [{ kind: "packet", data: longest }]);
  const reader = new PacketReader();
  assert.deepEqual(reader.feed(frame(`${longest}x`)), [{ kind: "bad" }]);
  for (let sent = 0; sent < 100; sent++) assert.deepEqual(feed("y".repeat(MAX_PACKET), reader), []);
  assert.deepEqual(feed("$?#3f", reader), [{ kind: "packet", data: "?" }]);
});

test("registers travel with their lowest byte first", () => {
  assert.equal(littleEndian(0x123456789abcdef0n, 8), "f0debc9a78563412");
  assert.equal(littleEndian(0xfff0n, 4), "f0ff0000");
  assert.equal(littleEndian(-1n, 2), "ffff");
  assert.equal(fromLittleEndian("f0ff0000"), 0xfff0n);
  assert.equal(fromLittleEndian(""), undefined);
  assert.equal(fromLittleEndian("f0f"), undefined);
  assert.equal(fromHex("0g"), undefined);
});
