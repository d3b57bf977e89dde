/**
 * Builds everything into dist/: the core (AssemblyScript to WebAssembly), the firmware (GNU as), the bundles. `--core`
 * builds the core only, `--bundles` the bundles only.
 */
import { execFileSync } from "node:child_process";
import { copyFile, mkdir, readdir, rename, stat, utimes } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { build, type BuildOptions, type Plugin } from "esbuild";
import { buildFirmware } from "./firmware.ts";

const root = path.resolve(import.meta.dirname, "..");
const dist = path.join(root, "dist");
const require = createRequire(import.meta.url);

const ASC_OPTIONS = [
  "--runtime", "stub", "-O3", "--noAssert", "--uncheckedBehavior", "always",
  "--importMemory", "--exportTable", "--initialMemory", "1024", "--maximumMemory", "65536", "--memoryBase", "65536", "--enable", "simd",
  // Conversions of usize (wasm32 only), and v128 between our own modules.
  "--disableWarning", "201", "--disableWarning", "112",
]; // prettier-ignore

/** Newest modification below a folder (or of a file), in whole milliseconds; generated files do not count. */
async function newest(place: string): Promise<number> {
  const info = await stat(place).catch(() => undefined);
  if (!info) return 0;
  if (!info.isDirectory()) return place.endsWith(".gen.ts") ? 0 : Math.floor(info.mtimeMs);
  const times = await Promise.all((await readdir(place)).map((name) => newest(path.join(place, name))));
  return Math.max(0, ...times);
}

async function buildCore(): Promise<void> {
  const source = path.join(root, "emulator/core");
  const target = path.join(dist, "core.wasm");
  // The result is dated by its newest source: what is edited while it is built makes it old again.
  const dated = await newest(source);
  if ((await newest(target)) >= dated) return;
  run(process.execPath, ["--import", "tsx", path.join(source, "gen/hot.ts")]);
  // Written aside and moved, so that nobody loads half a module.
  const fresh = `${target}.${process.pid}`;
  const asc = require.resolve("assemblyscript/bin/asc.js");
  const loads = path.join(root, "scripts/binaryen-loads.mjs");
  run(process.execPath, ["--import", loads, asc, path.join(source, "assembly/index.ts"), "-o", fresh, ...ASC_OPTIONS]);
  await utimes(fresh, dated / 1000, dated / 1000);
  await rename(fresh, target);
}

function run(command: string, args: string[]): void {
  execFileSync(command, args, { cwd: root, stdio: "inherit" });
}

/** Bundled CommonJS packages expect this name in an ES module, too. */
const NODE_BANNER =
  'import { createRequire as createRequire_ } from "node:module"; const require = createRequire_(import.meta.url);';

/**
 * The disassembler is a megabyte of code and a WebAssembly module that it compiles when it is evaluated. Nothing before
 * the first stop wants it: it lies in a file of its own and is loaded when it is first used. Its users import it by
 * default (`import iced from …`).
 */
const DISASSEMBLER = "iced_x86";
const LAZY_DISASSEMBLER: Plugin = {
  name: "lazy-disassembler",
  setup(plugin) {
    const namespace = "lazy";
    plugin.onResolve({ filter: /^iced-x86$/ }, ({ path: name }) => ({ path: name, namespace }));
    plugin.onResolve({ filter: /.*/, namespace }, ({ path: name }) => ({ path: name, external: true }));
    plugin.onLoad({ filter: /.*/, namespace }, () => ({
      contents: `module.exports = new Proxy({}, { get: (_target, key) => require("./${DISASSEMBLER}.cjs")[key] });`,
    }));
  },
};

async function bundle(): Promise<void> {
  const common: BuildOptions = {
    bundle: true,
    sourcemap: true,
    logLevel: "warning",
    absWorkingDir: root,
    outdir: dist,
  };
  const webviews = (await readdir(path.join(root, "webview"))).filter((name) => name.endsWith(".entry.ts"));
  await Promise.all([
    build({
      ...common,
      entryPoints: {
        bootscope: "emulator/cli/main.ts",
        "debug-adapter": "debug-adapter/main.ts",
        "machine-worker": "emulator/machine/worker.ts",
        "artefact-worker": "extension/artefacts/worker/worker.ts",
      },
      platform: "node",
      target: "node20",
      format: "esm",
      banner: { js: NODE_BANNER },
      plugins: [LAZY_DISASSEMBLER],
    }),
    build({
      ...common,
      entryPoints: { extension: "extension/extension.ts" },
      outExtension: { ".js": ".cjs" },
      platform: "node",
      target: "node20",
      format: "cjs",
      external: ["vscode"],
      define: { "import.meta.url": "importMetaUrl_" },
      banner: { js: 'const importMetaUrl_ = require("node:url").pathToFileURL(__filename).href;' },
      plugins: [LAZY_DISASSEMBLER],
    }),
    build({
      ...common,
      entryPoints: Object.fromEntries(webviews.map((name) => [name.replace(/\.entry\.ts$/, ""), `webview/${name}`])),
      outdir: path.join(dist, "webview"),
      platform: "browser",
      target: "es2022",
      format: "iife",
      loader: { ".ttf": "file", ".woff": "file" },
    }),
    build({
      ...common,
      entryPoints: { [DISASSEMBLER]: require.resolve("iced-x86") },
      outExtension: { ".js": ".cjs" },
      platform: "node",
      target: "node20",
      format: "cjs",
      minify: true,
      sourcemap: false,
    }),
    copyFile(require.resolve("iced-x86/iced_x86_bg.wasm"), path.join(dist, "iced_x86_bg.wasm")),
  ]);
}

await mkdir(dist, { recursive: true });
const only = process.argv[2];
if (only !== "--bundles") await buildCore();
if (only === undefined) await buildFirmware();
if (only !== "--core") await bundle();
