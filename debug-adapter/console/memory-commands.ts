/** `find`, `dump` and `load`: whole ranges of guest memory. */
import { open, stat } from "node:fs/promises";
import path from "node:path";
import { describe, hex, phys, plus } from "../address.ts";
import { failAt } from "../expressions/errors.ts";
import { evaluateAddress, evaluateExpression } from "../expressions/evaluate.ts";
import type { ExpressionContext } from "../expressions/evaluate.ts";
import type { Command } from "./command.ts";
import { parseRange, readPieces } from "./ranges.ts";

/** Places that `find` shows at most, and bytes that it looks for at most. */
const MAX_FOUND = 100;
const MAX_PATTERN = 256;
/** Bytes written or loaded at a time. */
const CHUNK = 1 << 20;

/** A byte, or undefined for any. */
type Pattern = (number | undefined)[];

/** Reads `55 aa ?? "GRUB"` or `u32 EXPRESSION`. */
async function parsePattern(text: string, context: ExpressionContext): Promise<Pattern> {
  const number = /^u(8|16|32|64)\s+(.+)$/s.exec(text);
  if (number?.[2] !== undefined) {
    const { value } = await evaluateExpression(number[2], context);
    return Array.from({ length: Number(number[1]) / 8 }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn));
  }
  const pattern: Pattern = [];
  const item = /\s*(?:"([^"]*)"|((?:[0-9a-f]{2})+)(?![0-9a-z])|(\?\?))/iy;
  while (item.lastIndex < text.trimEnd().length) {
    const at = item.lastIndex;
    const match = item.exec(text);
    if (match === null) {
      failAt(
        text,
        at + /^\s*/.exec(text.slice(at))![0].length,
        'bytes ("55 aa", "??" for any), a text in quotes, or "u32 VALUE" was expected',
      );
    }
    if (match[1] !== undefined) pattern.push(...new TextEncoder().encode(match[1]));
    else if (match[2] !== undefined) pattern.push(...Buffer.from(match[2], "hex"));
    else pattern.push(undefined);
  }
  const known = pattern.filter((byte) => byte !== undefined).length;
  if (known === 0 || pattern.length > MAX_PATTERN)
    failAt(text, 0, `1 to ${MAX_PATTERN} bytes were expected, not all of them "??"`);
  return pattern;
}

/** Offsets at which the pattern lies in the bytes. */
function* matches(bytes: Uint8Array, pattern: Pattern): Generator<number> {
  const anchor = pattern.findIndex((byte) => byte !== undefined);
  const first = pattern[anchor] ?? 0;
  const last = bytes.length - pattern.length;
  for (
    let at = bytes.indexOf(first, anchor) - anchor;
    at >= 0 && at <= last;
    at = bytes.indexOf(first, at + anchor + 1) - anchor
  ) {
    if (pattern.every((byte, index) => byte === undefined || bytes[at + index] === byte)) yield at;
  }
}

/** The bytes behind the word "in" that stands outside quotes. */
function splitIn(text: string): [string, string | undefined] {
  const match = /^((?:[^"]|"[^"]*")*?)\s+in\s+(.+)$/is.exec(text);
  return match?.[1] === undefined ? [text, undefined] : [match[1], match[2]];
}

export const FIND: Command = {
  name: "find",
  usage: "find BYTES [in RANGE]",
  summary: "search memory",
  details: [
    'BYTES: 55 aa, 0f ?? c0 (?? is any byte), "GRUB", or u32 0x53726448 (u8 u16 u32 u64 and a value, little-endian).',
    "RANGE: FROM..TO (TO excluded) or FROM, LENGTH; all of the RAM unless given. The first 100 places are shown.",
  ].join("\n"),
  async run(_format, rest, services) {
    const context = await services.context();
    const [what, where] = splitIn(rest);
    const pattern = await parsePattern(what, context);
    const range =
      where === undefined ? { start: phys(0n), length: services.memoryBytes() } : await parseRange(where, context);
    const found: string[] = [];
    // What a piece ends with may be the start of a match in the next.
    let tail: Uint8Array = new Uint8Array();
    let end = -1;
    const work = services.work(`Searching ${hex(range.length)} bytes`, range.length);
    for await (const { offset, bytes } of readPieces(range, context.readMemory.bind(context), work.done)) {
      const joined = end === offset ? Buffer.concat([tail, bytes]) : bytes;
      const start = offset + bytes.length - joined.length;
      for (const at of matches(joined, pattern)) {
        if (found.length === MAX_FOUND) return [...found, "(there are more)"].join("\n");
        found.push(describe(plus(range.start, start + at)));
      }
      tail = joined.slice(Math.max(0, joined.length - pattern.length + 1));
      end = offset + bytes.length;
    }
    return found.length === 0 ? "Not found." : found.join("\n");
  },
};

/** A path of the machine that the debugger runs on. */
export function filePath(text: string): string {
  const file = /^"([^"]+)"$/.exec(text)?.[1] ?? text;
  if (!path.isAbsolute(file) || file.includes("\0")) {
    throw new Error(`The absolute path of a file was expected, not ${text === "" ? "nothing" : `"${file}"`}.`);
  }
  return file;
}

/** Errors of the file system in one sentence. */
async function withFile<T>(file: string, doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
    if (code === undefined) throw error;
    throw new Error(`${file} could not be ${doing} (${code}).`);
  }
}

export const DUMP: Command = {
  name: "dump",
  usage: "dump RANGE FILE",
  summary: "write memory to a file",
  details: [
    "RANGE: FROM..TO (TO excluded) or FROM, LENGTH. FILE: an absolute path, in quotes if there are blanks in it.",
    "A file of that name is replaced. A range that cannot be read as a whole is refused before anything is written.",
  ].join("\n"),
  async run(_format, rest, services) {
    const match = /^(.+?)\s+("[^"]+"|\S+)$/s.exec(rest);
    if (match?.[1] === undefined) throw new Error('"dump RANGE FILE" was expected: a range, and the path of a file.');
    const file = filePath(match[2] ?? "");
    const context = await services.context();
    const range = await parseRange(match[1], context);
    const read = context.readMemory.bind(context);
    let covered = 0;
    // All is read twice.
    const work = services.work(`Dumping ${hex(range.length)} bytes`, 2 * range.length);
    for await (const { offset, bytes } of readPieces(range, read, work.done)) {
      if (offset !== covered) break;
      covered += bytes.length;
    }
    if (covered < range.length) throw new Error(`There is no memory at ${describe(plus(range.start, covered))}.`);
    await withFile(file, "written", async () => {
      const output = await open(file, "w");
      try {
        const reached = (offset: number): void => work.done(range.length + offset);
        for await (const { offset, bytes } of readPieces(range, read, reached))
          await output.write(bytes, 0, bytes.length, offset);
      } finally {
        await output.close();
      }
    });
    return `${range.length} bytes from ${describe(range.start)} written to ${file}.`;
  },
};

export const LOAD: Command = {
  name: "load",
  usage: "load FILE ADDRESS",
  summary: "read a file into memory",
  details: "FILE: an absolute path, in quotes if there are blanks in it. The machine must stand.",
  async run(_format, rest, services) {
    const match = /^("[^"]+"|\S+)\s+(.+)$/s.exec(rest);
    if (match?.[2] === undefined)
      throw new Error('"load FILE ADDRESS" was expected: the path of a file, and an address.');
    const file = filePath(match[1] ?? "");
    services.mayWrite();
    const at = await evaluateAddress(match[2], await services.context());
    const length = await withFile(file, "read", async () => {
      const info = await stat(file);
      if (!info.isFile()) throw new Error(`${file} is no file.`);
      return info.size;
    });
    if (length > services.memoryBytes()) {
      throw new Error(`${file} has ${length} bytes: more than the ${services.memoryBytes()} bytes of guest memory.`);
    }
    return withFile(file, "read", async () => {
      const input = await open(file, "r");
      try {
        const buffer = new Uint8Array(Math.min(CHUNK, length));
        const work = services.work(`Loading ${hex(length)} bytes`, length);
        for (let done = 0; done < length;) {
          work.done(done);
          const { bytesRead } = await input.read(buffer, 0, buffer.length, done);
          if (bytesRead === 0) throw new Error(`${file} ends after ${done} of ${length} bytes.`);
          const where = plus(at, done);
          const written = await services.target.writeMemory(where.space, where.address, buffer.slice(0, bytesRead));
          done += written;
          if (written < bytesRead) {
            throw new Error(
              `Only ${done} of ${length} bytes could be loaded: no memory at ${describe(plus(at, done))}.`,
            );
          }
        }
      } finally {
        await input.close();
      }
      return `${length} bytes (${hex(length)}) of ${file} loaded at ${describe(at)}.`;
    });
  },
};
