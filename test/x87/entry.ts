/** The floating-point unit alone, as a module for tests. */
import { execX87, x87Access, x87TagWord, x87SetTagWord, fpuInit } from "../../emulator/core/assembly/x87/x87";
import { Op } from "../../emulator/core/assembly/op";
import { getFlags } from "../../emulator/core/assembly/flags";

export { x87Access, x87TagWord, x87SetTagWord, fpuInit, getFlags };

/** Runs the operation at an address of the memory. */
export function exec(at: u32): void {
  execX87(changetype<Op>(<usize>at));
}
