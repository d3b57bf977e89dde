import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { Board } from "../board/board.ts";
import type { Core } from "../core/core.ts";
import { L } from "../core/layout.ts";
import type { Drive } from "../disks/disk-image.ts";

const PAGE = 4096;
/** Fields between CC_OP and CC_R, and those that only say how the core works, are left out: see below. */
const RANGES: readonly [number, number][] = [
  [L.REGS, L.REGS + 16 * 8],
  [L.RIP, L.RIP + 8],
  [L.SKEW, L.SKEW + 8],
  [L.CPL, L.CPL + 4],
  [L.NMI, L.NMI_BLOCKED + 4],
  [L.HALTED, L.HALTED + 4],
  [L.CR0, L.PDPTE + 32],
  [L.SEG, L.SCRATCH],
  [L.RANDOM, L.RANDOM + 8],
];

/**
 * SHA-256 over all that the guest could ever notice: registers, icount, devices, and memory (pages of zeros only by
 * their absence). Caches, budgets and the form of the lazy flags do not count, so the hash is the same however a run
 * was sliced.
 */
export function stateHash(core: Core, board: Board, drives: readonly Drive[]): string {
  const hash = sha256.create();
  for (const [from, to] of RANGES) hash.update(core.u8.subarray(from, to));
  hash.update(utf8ToBytes(`${core.icount} ${core.exports.getFlags() >>> 0} ${canonical(board.save())}`));
  const memory = new Uint8Array(core.ram.buffer, core.ram.byteOffset, core.ram.length + core.extra.length);
  const words = new BigUint64Array(memory.buffer, memory.byteOffset, memory.length / 8);
  for (let page = 0; page < memory.length / PAGE; page++) {
    if (isZero(words, page * (PAGE / 8))) continue;
    hash.update(utf8ToBytes(`@${page}`));
    hash.update(memory.subarray(page * PAGE, page * PAGE + PAGE));
  }
  for (const [index, { image }] of drives.entries()) {
    for (const [offset, bytes] of image.changes()) {
      hash.update(utf8ToBytes(`drive ${index} @${offset}`));
      hash.update(bytes);
    }
  }
  return bytesToHex(hash.digest());
}

function isZero(words: BigUint64Array, from: number): boolean {
  for (let i = from; i < from + PAGE / 8; i++) if (words[i] !== 0n) return false;
  return true;
}

/** Text of plain data that does not depend on the order of keys. */
function canonical(value: unknown): string {
  if (ArrayBuffer.isView(value)) {
    return bytesToHex(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  }
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${key}:${canonical(item)}`).join(",")}}`;
  }
  return String(value);
}
