import assert from "node:assert/strict";
import { test } from "node:test";
import { renderScreen } from "../../display/render.ts";
import { screenText } from "../../display/screen-text.ts";
import { vgaBench, type VgaBench } from "./vga-bench.ts";

const SEED = Number(process.env["BOOTSCOPE_SEED"] ?? (Date.now() & 0x7fff_ffff) + 1);
const OPERATIONS = 1_000_000;
/** Looks at the screen cost more than operations. */
const LOOK_EVERY = 5000;

function randomNumbers(seed: number): (below: number) => number {
  let x = seed;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
}

/** One access of any kind; what was read. */
function act({ vga, clock }: VgaBench, random: (below: number) => number): number {
  const size = ([1, 2, 4] as const)[random(3) as 0 | 1 | 2];
  const value = random(0x1_0000_0000);
  clock.now += random(5000);
  const [registers, vbe] = vga.fixedPorts;
  const [window] = vga.fixedMemory;
  const bar = vga.bars[2];
  assert.ok(registers && vbe && window && bar?.kind === "mmio");
  const writes = random(2) === 0;
  switch (random(8)) {
    case 0: {
      // Mostly values that a display interface could mean.
      const wanted = random(2) ? value & 0xffff : random(12) * 100;
      if (!writes) return vbe.handler.readPort(0x1cf, 2);
      vbe.handler.writePort(0x1ce, 2, random(12));
      vbe.handler.writePort(0x1cf, 2, wanted);
      return 0;
    }
    case 1:
    case 2: {
      const offset = random(0x20000) & ~(size - 1);
      if (!writes) return window.handler.readMmio(offset, size);
      window.handler.writeMmio(offset, size, value);
      return 0;
    }
    case 3: {
      const offset = random(random(2) ? 0x1000 : 0x620) & ~(size - 1);
      if (!writes) return bar.handler.readMmio(offset, size);
      bar.handler.writeMmio(offset, size, value);
      return 0;
    }
    default: {
      const port = registers.first + random(registers.last - registers.first + 1);
      if (!writes) return registers.handler.readPort(port, 1);
      registers.handler.writePort(port, 1, random(2) ? value & 0xff : random(0x20));
      return 0;
    }
  }
}

test(`a million random accesses neither throw nor show nonsense, twice the same (seed ${SEED})`, (context) => {
  const first = vgaBench();
  let second = vgaBench();
  const randoms = [randomNumbers(SEED), randomNumbers(SEED)] as const;
  for (let operation = 0; operation < OPERATIONS; operation++) {
    const read = act(first, randoms[0]);
    assert.ok(Number.isInteger(read) && read >= 0 && read <= 0xffff_ffff, `read ${read}`);
    assert.equal(act(second, randoms[1]), read, `operation ${operation}`);
    if (operation % LOOK_EVERY !== 0) continue;
    const screen = first.vga.screen();
    const picture = renderScreen(screen, operation);
    assert.equal(picture?.pixels.length ?? 0, (picture?.width ?? 0) * (picture?.height ?? 0) * 4);
    screenText(screen);
    assert.deepEqual(first.vga.save(), second.vga.save());
    if (operation % (20 * LOOK_EVERY) !== 0) continue;
    // From here on the second one is another adapter with the same state.
    const adopted = vgaBench();
    adopted.vram.set(second.vram);
    adopted.vga.restore(second.vga.save());
    adopted.clock.now = second.clock.now;
    second = adopted;
    context.diagnostic(`${operation} operations`);
  }
  assert.ok(Buffer.from(first.vram.buffer).equals(Buffer.from(second.vram.buffer)), "video memory");
});
