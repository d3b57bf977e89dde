/**
 * Preloaded into the AssemblyScript compiler (`node --import`). It marks i32.load as "signed" when the type is, and
 * Binaryen 131 then folds a zero extension of such a load, `<u64><u32>load<i32>(p)`, into i64.load32_s: wrong. A plain
 * 32-bit load has no sign in WebAssembly, so the mark is taken off.
 */
import binaryen from "binaryen";

const load = binaryen._BinaryenLoad;
binaryen._BinaryenLoad = (module, bytes, signed, offset, align, type, ...rest) =>
  load(module, bytes, bytes === 4 && type === binaryen.i32 ? 0 : signed, offset, align, type, ...rest);
