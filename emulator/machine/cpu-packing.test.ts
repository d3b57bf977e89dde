import assert from "node:assert/strict";
import { randomFillSync } from "node:crypto";
import { test } from "node:test";
import type { CpuState } from "./api.ts";
import { packCpu, unpackCpu } from "./cpu-packing.ts";
import { Machine } from "./machine.ts";

/** Another value for each value of an object, of the same type. */
function other(value: unknown, key = ""): unknown {
  if (key === "mode") return "compat16";
  if (key === "name" || key === "index") return value;
  if (typeof value === "bigint") return randomFillSync(new BigUint64Array(1))[0];
  if (typeof value === "number") return randomFillSync(new Uint32Array(1))[0];
  if (typeof value === "boolean") return !value;
  if (value instanceof Uint8Array) return randomFillSync(new Uint8Array(value.length));
  if (Array.isArray(value)) return value.map((one) => other(one));
  return Object.fromEntries(Object.entries(value as object).map(([name, one]) => [name, other(one, name)]));
}

test("every value of a processor gets to the other side", async () => {
  const machine = await Machine.createRaw(
    { memoryMiB: 1, writes: [] },
    { output: () => undefined, phase: () => undefined },
  );
  for (const cpu of [machine.cpu(), other(machine.cpu()) as CpuState]) {
    assert.deepEqual(unpackCpu(structuredClone(packCpu(cpu))), cpu);
  }
});
