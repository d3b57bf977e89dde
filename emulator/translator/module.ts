/** Puts the functions of several regions into one WebAssembly module: compiling is cheaper in batches. */
import { Code, Type } from "./wasm.ts";
import { HELPERS, LOCALS, type Signature } from "./locals.ts";

const enum Section {
  TYPE = 1,
  IMPORT = 2,
  FUNCTION = 3,
  EXPORT = 7,
  CODE = 10,
}
const IMPORT_FUNCTION = 0;
const IMPORT_MEMORY = 2;
/** Limits: with a maximum. */
const BOUNDED = 1;

/** Types: the region's, then one for each helper. */
const SIGNATURES: readonly Signature[] = [
  { parameters: [Type.I32], result: Type.I32 },
  ...HELPERS.map(({ signature }) => signature),
];

function section(out: Code, id: Section, body: Code): void {
  out.byte(id);
  out.unsigned(body.length);
  out.append(body);
}

/** Types and imports are the same in all modules, but for the memory's size in pages of 64 KiB. */
function prelude(memoryPages: number): Code {
  const out = new Code();
  for (const byte of [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) out.byte(byte);
  const types = new Code();
  types.unsigned(SIGNATURES.length);
  for (const { parameters, result } of SIGNATURES) {
    types.byte(Type.FUNCTION);
    types.unsigned(parameters.length);
    for (const type of parameters) types.byte(type);
    types.unsigned(result === undefined ? 0 : 1);
    if (result !== undefined) types.byte(result);
  }
  section(out, Section.TYPE, types);
  const imports = new Code();
  imports.unsigned(1 + HELPERS.length);
  imports.text("e");
  imports.text("m");
  imports.byte(IMPORT_MEMORY);
  imports.byte(BOUNDED);
  imports.unsigned(memoryPages);
  imports.unsigned(memoryPages);
  HELPERS.forEach(({ name }, index) => {
    imports.text("e");
    imports.text(name);
    imports.byte(IMPORT_FUNCTION);
    imports.unsigned(1 + index);
  });
  section(out, Section.IMPORT, imports);
  return out;
}

/** Collects function bodies and makes a module that exports them as "0", "1", …. */
export class ModuleWriter {
  readonly #prelude: Code;
  readonly #bodies = new Code(1 << 16);
  readonly #body = new Code();
  readonly #out = new Code(1 << 16);
  #count = 0;

  constructor(memoryPages: number) {
    this.#prelude = prelude(memoryPages);
  }

  get count(): number {
    return this.#count;
  }

  /** Adds a function with the locals of locals.ts. */
  add(code: Code): void {
    const body = this.#body;
    body.reset();
    body.unsigned(LOCALS.length);
    for (const [count, type] of LOCALS) {
      body.unsigned(count);
      body.byte(type);
    }
    body.append(code);
    this.#bodies.unsigned(body.length);
    this.#bodies.append(body);
    this.#count++;
  }

  /** The module's bytes, valid until the next `add`; the writer is empty afterwards. */
  finish(): Uint8Array<ArrayBuffer> {
    const out = this.#out;
    out.reset();
    out.append(this.#prelude);
    const part = this.#body;
    part.reset();
    part.unsigned(this.#count);
    for (let i = 0; i < this.#count; i++) part.byte(0);
    section(out, Section.FUNCTION, part);
    part.reset();
    part.unsigned(this.#count);
    for (let i = 0; i < this.#count; i++) {
      part.text(String(i));
      part.byte(0);
      part.unsigned(HELPERS.length + i);
    }
    section(out, Section.EXPORT, part);
    part.reset();
    part.unsigned(this.#count);
    part.append(this.#bodies);
    section(out, Section.CODE, part);
    this.#bodies.reset();
    this.#count = 0;
    return out.bytes.subarray(0, out.length);
  }
}
