/** Debian packages as a source of guests: downloaded and unpacked by apt and dpkg, without root. */
import { execFile } from "node:child_process";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Why a guest cannot be had, in one sentence for the user. */
export class GuestError extends Error {
  override readonly name = "GuestError";
}

export interface RunOptions {
  cwd?: string;
  /** On top of this process's. */
  environment?: Readonly<Record<string, string>>;
  /** For its standard input. */
  input?: string;
}

/** Runs a program and returns its standard output; throws GuestError with the reason it gave. */
export async function run(program: string, args: string[], options: RunOptions = {}): Promise<string> {
  try {
    const env = { ...process.env, LC_ALL: "C", ...options.environment };
    const running = execute(program, args, { maxBuffer: 64 << 20, env, ...(options.cwd ? { cwd: options.cwd } : {}) });
    // A program may end without reading its input: its exit code tells whether that is a failure.
    running.child.stdin?.on("error", () => undefined).end(options.input ?? "");
    return (await running).stdout;
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string };
    if (code === "ENOENT") {
      throw new GuestError(
        `Guests are taken from Debian packages, but there is no ${program} here: this works on Debian 12 and its ` +
          `derivatives; elsewhere give --kernel and --initrd files of your own.`,
      );
    }
    const reason = (stderr ?? "").split("\n").filter((line) => line.startsWith("E:"))[0] ?? (stderr ?? "").trim();
    throw new GuestError(`"${program} ${args.join(" ")}" failed: ${reason || String(error)}`);
  }
}

/** Options of apt that say where packages come from: none for the system's own. */
export type AptOptions = readonly string[];

/**
 * The same archives for another architecture, with lists of their own in `directory`, so that neither root nor a change
 * of the system is needed.
 */
export function foreignArchitecture(architecture: string, directory: string): Promise<AptOptions> {
  return ownLists([`-oAPT::Architecture=${architecture}`, `-oAPT::Architectures=${architecture}`], directory);
}

/** Debian's suite that everything here is made from. */
export const SUITE = "bookworm";

/** The address of the Debian archive that apt uses for the suite. */
export async function mirror(): Promise<string> {
  const filter = ["Created-By: Packages", `Codename: ${SUITE}`, "Component: main"];
  const listing = await run("apt-get", ["indextargets", "--format", "$(REPO_URI)", ...filter]);
  const address = listing.split("\n")[0];
  if (!address) throw new GuestError(`apt knows no archive of Debian ${SUITE}, which this guest is made from.`);
  return address;
}

/** Another component of the same archive ("non-free-firmware"), whether or not the system uses it. */
export async function otherComponent(component: string, directory: string): Promise<AptOptions> {
  const sources = join(directory, "sources.list");
  await writeFile(sources, `deb ${await mirror()} ${SUITE} ${component}\n`);
  return ownLists([`-oDir::Etc::SourceList=${sources}`, "-oDir::Etc::SourceParts=-"], directory);
}

async function ownLists(from: readonly string[], directory: string): Promise<AptOptions> {
  const lists = join(directory, "lists");
  const cache = join(directory, "cache");
  await mkdir(join(lists, "partial"), { recursive: true });
  await mkdir(join(cache, "archives", "partial"), { recursive: true });
  const options = [...from, `-oDir::State::Lists=${lists}`, `-oDir::Cache=${cache}`, "-oAcquire::Languages=none"];
  // One archive that cannot be had just now does not matter if another has the package: that is seen later.
  await run("apt-get", [...options, "update", "-q"]).catch((error: unknown) => {
    if (!(error instanceof GuestError)) throw error;
  });
  return options;
}

async function isKnown(name: string, options: AptOptions = []): Promise<boolean> {
  return /Candidate: (?!\(none\))/.test(await run("apt-cache", [...options, "policy", name]));
}

/** Refreshes apt's lists, once a process, when they lack the package and we may. */
let listsRefreshed: Promise<unknown> | undefined;
async function ensureKnown(name: string, options: AptOptions): Promise<void> {
  if (await isKnown(name, options)) return;
  if (options.length > 0) throw new GuestError(`No archive known to apt has a package ${name} (${options[0]}).`);
  if (process.getuid?.() === 0) {
    listsRefreshed ??= run("apt-get", ["update", "-q"]);
    await listsRefreshed;
    if (await isKnown(name)) return;
  }
  throw new GuestError(
    `apt knows no package ${name}: run "apt-get update" as root on a Debian 12 system and try again.`,
  );
}

/** The package that a meta package stands for: its first dependency that starts with `prefix`. */
export async function realPackage(metaPackage: string, prefix: string, options: AptOptions = []): Promise<string> {
  await ensureKnown(metaPackage, options);
  const listing = await run("apt-cache", [...options, "depends", "--no-recommends", "--no-suggests", metaPackage]);
  for (const line of listing.split("\n")) {
    const name = /^\s*\|?Depends: (\S+)$/.exec(line)?.[1];
    if (name?.startsWith(prefix)) return name;
  }
  throw new GuestError(`The Debian package ${metaPackage} depends on no package called ${prefix}….`);
}

/** Downloads a package into `directory`; returns the path of its .deb file. */
export async function downloadPackage(name: string, directory: string, options: AptOptions = []): Promise<string> {
  await ensureKnown(name, options);
  const downloads = join(directory, "download");
  await mkdir(downloads);
  await run("apt-get", [...options, "download", "-q", name], { cwd: downloads });
  const archive = (await readdir(downloads)).find((file) => file.endsWith(".deb"));
  if (!archive) throw new GuestError(`"apt-get download ${name}" left no .deb file.`);
  const path = join(directory, archive);
  await rename(join(downloads, archive), path);
  await rm(downloads, { recursive: true });
  return path;
}

/** Downloads a package and unpacks its files into `directory`, under `root/`; returns that path. */
export async function unpackPackage(name: string, directory: string, options: AptOptions = []): Promise<string> {
  const archive = await downloadPackage(name, directory, options);
  const root = join(directory, "root");
  await run("dpkg", ["-x", archive, root]);
  await rm(archive);
  return root;
}
