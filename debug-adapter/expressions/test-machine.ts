/** A made-up processor in real mode with a little memory, for the tests of this folder. */
import type { CpuState, Space } from "../../emulator/machine/api.ts";
import { lin } from "../address.ts";
import type { ExpressionContext } from "./evaluate.ts";
import type { SymbolTable } from "./symbols.ts";

const segment = (selector: number): object => ({
  selector,
  base: BigInt(selector) * 16n,
  limit: 0xffff,
  attributes: 0x93,
  unusable: false,
});

export const cpu = {
  mode: "real",
  icount: 1234n,
  cpl: 0,
  gpr: [0x1122334455667788n, 0xffffffffn, 2n, 0x10n, 0x7c00n, 5n, 6n, 7n, 8n, 0x99n, 10n, 11n, 12n, 13n, 14n, 15n],
  rip: 0x100n,
  // CF and ZF
  rflags: 0x43n,
  cr0: 0x10n,
  segments: { cs: segment(0x7c0), ss: segment(0), ds: segment(0x40), fs: segment(0x50) },
  gdtr: { base: 0x9000n, limit: 0x27 },
  xmm: [Uint8Array.from({ length: 16 }, (_, index) => 0xf0 + index)],
  msrs: [{ name: "LSTAR", index: 0xc0000082, value: 0xffffn }],
} as unknown as CpuState;

const bytes = Uint8Array.from([0x78, 0x56, 0x34, 0x12, 0xff, 0, 0, 0x80, 0x48, 0x64, 0x72, 0x53, 0]);
const BASE = 0x500n;

const table = new Map([
  ["start_kernel", lin(0xffffffff81000000n)],
  ["do_work.cold", lin(0x500n)],
  ["ax", lin(1n)],
]);

const symbols: SymbolTable = {
  lookup: (name) => table.get(name),
  startingWith: (prefix, limit) => [...table.keys()].filter((name) => name.startsWith(prefix)).slice(0, limit),
};

/** Memory lies at 0x500 to 0x50c, the same in both spaces; `asked` notes what was read. */
export function testContext(changes: Partial<ExpressionContext> = {}): ExpressionContext & { asked: string[] } {
  const asked: string[] = [];
  return {
    cpu,
    symbols,
    asked,
    phase: () => Promise.resolve("bootloader"),
    readMsr: (index) => Promise.resolve(index === 0xfe ? 0x508n : undefined),
    readMemory(space: Space, address, length) {
      asked.push(`${space}:${address.toString(16)}`);
      const offset = Number(address - BASE);
      return Promise.resolve(offset < 0 ? new Uint8Array() : bytes.slice(offset, offset + length));
    },
    ...changes,
  };
}
