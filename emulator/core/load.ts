/** Finds and compiles core.wasm: beside the bundle in a package, in dist/ when the sources run directly. */

let compiled: Promise<WebAssembly.Module> | undefined;

/** The compiled core, once a thread. */
export function loadCoreModule(): Promise<WebAssembly.Module> {
  compiled ??= compile();
  return compiled;
}

async function compile(): Promise<WebAssembly.Module> {
  const here = import.meta.url;
  const places = [new URL("./core.wasm", here), new URL("../../dist/core.wasm", here)];
  if (!here.startsWith("file:")) return WebAssembly.compileStreaming(fetch(places[0]!));
  const { readFile } = await import("node:fs/promises");
  for (const place of places) {
    const bytes = await readFile(place).catch(() => undefined);
    if (bytes) return WebAssembly.compile(bytes);
  }
  throw new Error("core.wasm is missing beside the program; run `npm run build`.");
}
