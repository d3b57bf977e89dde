/** Commands on boot artefacts, with progress and cancel. */
import path from "node:path";
import * as vscode from "vscode";
import { contentUri, INITRAMFS_SCHEME, baseName, isContent } from "./artefact-uri.ts";
import type { Artefacts } from "./artefacts.ts";
import { compareEntries, listing } from "./compare.ts";
import { DiskContent } from "./content-tree.ts";
import type { ComparisonItem, ContentsView, DifferenceItem, FileItem, ViewItem } from "./contents-view.ts";
import { sentence } from "./editor.ts";
import { extractVolume } from "./extract-volume.ts";
import { EDITOR, openContent } from "./open-content.ts";
import { shown } from "./safe-path.ts";
import type { EntryDigest, ExtractReport, Packing, Report } from "./worker/protocol.ts";
import { makeFolderSafely, newNameProblem, writeFileSafely } from "./write-safely.ts";

const LISTING_SCHEME = "bootscope-listing";
/** What is added to an archive's name for the folder it is extracted to. */
const EXTRACTED = /\.extracted(-\d+)?$/;
/** Listings that are kept for the diff editor. */
const MAX_LISTINGS = 16;

export function registerCommands(artefacts: Artefacts, view: ContentsView): vscode.Disposable {
  const commands = new Commands(artefacts, view);
  /** Failures are told in one sentence; a cancelled command says nothing. */
  const register = (name: string, run: (...args: never[]) => Promise<unknown>): vscode.Disposable =>
    vscode.commands.registerCommand(`bootscope.${name}`, async (...args: never[]) => {
      try {
        await run(...args);
      } catch (error) {
        if (sentence(error) !== "Cancelled.") void vscode.window.showErrorMessage(sentence(error));
      }
    });
  return vscode.Disposable.from(
    register("openArtefact", (target?: Target) => commands.open(target)),
    register("openArtefactAsText", (target?: Target) => commands.openAsText(target)),
    register("browseArtefact", (target?: Target) => commands.browse(target)),
    register("closeArtefact", (item: ViewItem) => view.remove(item)),
    register("extractArtefact", (target?: Target) => commands.extract(target)),
    register("extractVmlinux", (target?: Target) => commands.extractVmlinux(target)),
    register("repackInitramfs", (target?: Target) => commands.repack(target)),
    register("compareInitramfs", (target?: Target, all?: vscode.Uri[]) => commands.compare(target, all)),
    register("compareInitramfsListings", (item: ComparisonItem) => commands.compareListings(item)),
    register("openArtefactFile", (item: FileItem) => commands.openFile(item)),
    register("openArtefactFileBytes", (item: FileItem) => commands.openFileBytes(item)),
    register("saveArtefactFile", (item: FileItem) => commands.saveFile(item)),
    register("openArtefactDifference", (item: DifferenceItem) => commands.openDifference(item)),
    vscode.workspace.registerTextDocumentContentProvider(LISTING_SCHEME, commands),
  );
}

/** What menus and editors hand to a command: a file, or a row of the view. */
type Target = vscode.Uri | ViewItem;

class Commands implements vscode.TextDocumentContentProvider {
  private readonly artefacts: Artefacts;
  private readonly view: ContentsView;
  /** By address. */
  private readonly listings = new Map<string, string>();

  constructor(artefacts: Artefacts, view: ContentsView) {
    this.artefacts = artefacts;
    this.view = view;
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.listings.get(uri.toString()) ?? "";
  }

  async open(target?: Target): Promise<void> {
    const uri = await chosen(target, "Open Boot Artefact");
    await vscode.commands.executeCommand("vscode.openWith", uri, EDITOR);
  }

  async openAsText(target?: Target): Promise<void> {
    await vscode.commands.executeCommand("vscode.openWith", await chosen(target, "Open as Text"), "default");
  }

  async browse(target?: Target): Promise<void> {
    const uri = await chosen(target, "Browse Contents");
    const options = { location: { viewId: "workbench.view.explorer" } };
    await vscode.window.withProgress(options, () => this.view.browse(uri));
  }

  async openFile(item: FileItem): Promise<void> {
    const uri = contentUri(item.scheme, item.artefact, item.inner);
    const tree = await this.artefacts.content(item.scheme, item.artefact);
    if (item.stat.type === "symlink" && (await tree.leadsToFolder(item.inner))) {
      const text = `${item.name} is a link to the folder ${item.stat.target ?? ""}.`;
      void vscode.window.showInformationMessage(shown(text));
      return;
    }
    await openContent(this.artefacts, uri);
  }

  async openFileBytes(item: FileItem): Promise<void> {
    const uri = contentUri(item.scheme, item.artefact, item.inner);
    await vscode.commands.executeCommand("vscode.openWith", uri, EDITOR);
  }

  /** One file of an artefact to a place of the user's choice. */
  async saveFile(item: FileItem): Promise<void> {
    const home = homeOf(item.artefact);
    const target = await vscode.window.showSaveDialog({
      title: "Save File",
      ...(home === undefined ? {} : { defaultUri: vscode.Uri.file(path.join(home, item.name)) }),
    });
    if (!target) return;
    const source = contentUri(item.scheme, item.artefact, item.inner);
    await vscode.workspace.fs.writeFile(target, await vscode.workspace.fs.readFile(source));
  }

  async extract(target?: Target): Promise<void> {
    const uri = await chosen(target, "Extract");
    const scheme = await this.artefacts.schemeOf(uri);
    const content = scheme === INITRAMFS_SCHEME ? undefined : await this.artefacts.content(scheme, uri);
    const volume = content instanceof DiskContent ? await chooseVolume(content) : "";
    if (volume === undefined) return;
    const parent = homeOf(uri) ?? (await chooseFolder());
    if (parent === undefined) return;
    const name = await chooseName(parent, `${baseName(uri)}.extracted`);
    if (name === undefined) return;
    const folder = path.join(parent, name);
    const report = await withProgress(`Extracting ${baseName(uri)}`, async (tell, token) => {
      if (content instanceof DiskContent) {
        const system = content.system(volume)!;
        return makeFolderSafely(folder, (temporary) =>
          extractVolume(system, temporary, tell, () => token.isCancellationRequested),
        );
      }
      const input = await this.artefacts.input(uri);
      return makeFolderSafely(folder, (temporary) =>
        this.task(token, (worker) => worker.run("extractInitramfs", { input, folder: temporary }, tell)),
      );
    });
    await tellExtracted(folder, report);
  }

  async extractVmlinux(target?: Target): Promise<void> {
    const uri = await chosen(target, "Extract vmlinux");
    const version = /^(?:vmlinuz|bzImage)[-.]?(.*)$/.exec(baseName(uri))?.[1] ?? "";
    const name = version === "" ? "vmlinux" : `vmlinux-${version}`;
    const home = homeOf(uri);
    const file = await vscode.window.showSaveDialog({
      title: "Extract vmlinux",
      ...(home === undefined ? {} : { defaultUri: vscode.Uri.file(path.join(home, name)) }),
    });
    if (!file) return;
    const input = await this.artefacts.input(uri);
    await withProgress(`Extracting ${path.basename(file.fsPath)}`, (tell, token) =>
      writeFileSafely(file.fsPath, (temporary) =>
        this.task(token, (worker) => worker.run("extractVmlinux", { input, target: temporary }, tell)),
      ),
    );
    await vscode.commands.executeCommand("vscode.openWith", file, EDITOR);
  }

  async repack(target?: Target): Promise<void> {
    const folder = target instanceof vscode.Uri ? target.fsPath : await chooseFolder();
    if (folder === undefined) return;
    const original = await chooseOriginal(folder);
    if (original === undefined) return;
    const compression = await chooseCompression();
    if (compression === undefined) return;
    const suffix = { none: "", gzip: ".gz", zstd: ".zst" }[compression];
    const file = await vscode.window.showSaveDialog({
      title: "Repack Folder as initramfs",
      defaultUri: vscode.Uri.file(`${stem(folder)}-repacked.cpio${suffix}`),
    });
    if (!file) return;
    const input = original === "none" ? undefined : await this.artefacts.input(original);
    const packed = await withProgress(`Packing ${path.basename(folder)}`, (tell, token) =>
      writeFileSafely(file.fsPath, (temporary) =>
        this.task(token, (worker) =>
          worker.run("repack", { folder, target: temporary, compression, original: input }, tell),
        ),
      ),
    );
    const text = `${path.basename(file.fsPath)}: ${packed.entries} entries, ${packed.size} bytes.`;
    const answer = await vscode.window.showInformationMessage(text, "Open");
    if (answer === "Open") await vscode.commands.executeCommand("vscode.openWith", file, EDITOR);
  }

  async compare(target?: Target, all?: vscode.Uri[]): Promise<void> {
    const left = all?.length === 2 ? all[0]! : await chosen(target, "Compare initramfs");
    const right = all?.length === 2 ? all[1]! : await chooseFile(`Compare ${baseName(left)} with`, left);
    if (!right) return;
    const [one, other] = await this.digests(left, right);
    await this.view.compare({ kind: "comparison", left, right, result: compareEntries(one, other) });
  }

  async compareListings({ left, right }: ComparisonItem): Promise<void> {
    const digests = await this.digests(left, right);
    const [one, other] = [left, right].map((uri, index) => this.keepListing(uri, digests[index]!));
    await vscode.commands.executeCommand("vscode.diff", one, other, `${baseName(left)} ↔ ${baseName(right)}`);
  }

  async openDifference({ of, difference }: DifferenceItem): Promise<void> {
    const [left, right] = [of.left, of.right].map((uri) => contentUri(INITRAMFS_SCHEME, uri, difference.path));
    const title = `${shown(difference.path)} (${baseName(of.left)} ↔ ${baseName(of.right)})`;
    if (difference.kind === "changed") await vscode.commands.executeCommand("vscode.diff", left, right, title);
    else await openContent(this.artefacts, difference.kind === "added" ? right! : left!);
  }

  private keepListing(uri: vscode.Uri, digests: readonly EntryDigest[]): vscode.Uri {
    const address = vscode.Uri.from({ scheme: LISTING_SCHEME, path: `/${baseName(uri)}.txt`, query: uri.toString() });
    this.listings.delete(address.toString());
    this.listings.set(address.toString(), listing(digests, shown));
    for (const oldest of this.listings.keys()) {
      if (this.listings.size <= MAX_LISTINGS) break;
      this.listings.delete(oldest);
    }
    return address;
  }

  private digests(left: vscode.Uri, right: vscode.Uri): Promise<[EntryDigest[], EntryDigest[]]> {
    const read = async (uri: vscode.Uri, tell: Report, token: vscode.CancellationToken): Promise<EntryDigest[]> => {
      const input = await this.artefacts.input(uri);
      return this.task(token, (worker) => worker.run("digests", { input }, tell));
    };
    return withProgress(`Comparing ${baseName(left)} and ${baseName(right)}`, async (tell, token) => [
      await read(left, tell, token),
      await read(right, tell, token),
    ]);
  }

  /** Runs a task in a thread of its own, which ends with it or when it is cancelled. */
  private async task<T>(
    token: vscode.CancellationToken,
    run: (worker: ReturnType<Artefacts["newWorker"]>) => Promise<T>,
  ): Promise<T> {
    const worker = this.artefacts.newWorker();
    const listener = token.onCancellationRequested(() => worker.dispose());
    try {
      return await run(worker);
    } finally {
      listener.dispose();
      worker.dispose();
    }
  }
}

function withProgress<T>(
  title: string,
  run: (tell: Report, token: vscode.CancellationToken) => Promise<T>,
): Promise<T> {
  const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
  return Promise.resolve(
    vscode.window.withProgress(options, (progress, token) => {
      let done = 0;
      return run((message, share) => {
        const increment = share === undefined ? 0 : Math.max(0, share * 100 - done);
        done += increment;
        progress.report({ message, increment });
      }, token);
    }),
  );
}

/** The folder in which an artefact lies; undefined for one within another. */
function homeOf(uri: vscode.Uri): string | undefined {
  return uri.scheme === "file" ? path.dirname(uri.fsPath) : undefined;
}

/** The file that a command is about: given, in the active editor, or asked for. */
async function chosen(target: Target | undefined, title: string): Promise<vscode.Uri> {
  if (target instanceof vscode.Uri) return target;
  if (target?.kind === "artefact") return target.artefact;
  if (target?.kind === "file") return contentUri(target.scheme, target.artefact, target.inner);
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  if (input instanceof vscode.TabInputCustom && input.viewType.startsWith("bootscope.")) return input.uri;
  const file = await chooseFile(title);
  if (!file) throw new Error("Cancelled.");
  return file;
}

async function chooseFile(title: string, near?: vscode.Uri): Promise<vscode.Uri | undefined> {
  const start = near && !isContent(near) ? vscode.Uri.joinPath(near, "..") : undefined;
  const files = await vscode.window.showOpenDialog({ title, ...(start ? { defaultUri: start } : {}) });
  return files?.[0];
}

async function chooseFolder(): Promise<string | undefined> {
  const folders = await vscode.window.showOpenDialog({ canSelectFiles: false, canSelectFolders: true });
  return folders?.[0]?.fsPath;
}

async function chooseVolume(content: DiskContent): Promise<string | undefined> {
  const { volumes } = content;
  if (volumes.length === 1) return volumes[0];
  return vscode.window.showQuickPick(volumes, { title: "Extract", placeHolder: "Volume whose files are written" });
}

async function chooseName(folder: string, suggestion: string): Promise<string | undefined> {
  let value = suggestion;
  for (let count = 2; (await newNameProblem(folder, value)) !== undefined && count < 100; count++) {
    value = `${suggestion}-${count}`;
  }
  const name = await vscode.window.showInputBox({
    title: "Extract Here",
    prompt: `Name of a new folder in ${folder}`,
    value,
    validateInput: (text) => newNameProblem(folder, text),
  });
  return name?.trim();
}

/** "/boot/initramfs.cpio.gz.extracted" → "/boot/initramfs" */
function stem(folder: string): string {
  const archive = folder.replace(EXTRACTED, "").replace(/\.(gz|xz|zst|lz4|bz2|lzma|lzo)$/, "");
  return archive.replace(/\.(cpio|img)$/, "");
}

/** The archive that a folder was extracted from, "none", or undefined when the user gave up. */
async function chooseOriginal(folder: string): Promise<vscode.Uri | "none" | undefined> {
  const beside = vscode.Uri.file(folder.replace(EXTRACTED, ""));
  const isThere = await vscode.workspace.fs.stat(beside).then(
    ({ type }) => type === vscode.FileType.File,
    () => false,
  );
  const items = [
    ...(isThere
      ? [{ label: baseName(beside), detail: "Owners, permissions and device nodes as there", uri: beside }]
      : []),
    { label: "Owned by root", detail: "Permissions as in the folder; no device nodes but those in it", uri: undefined },
    { label: "Choose File…", detail: "Owners, permissions and device nodes as in another initramfs", uri: undefined },
  ];
  const item = await vscode.window.showQuickPick(items, {
    title: "Repack Folder as initramfs",
    placeHolder: "Where owners and device nodes come from, which a folder does not keep",
  });
  if (!item) return undefined;
  if (item.uri) return item.uri;
  return item.label === "Owned by root" ? "none" : chooseFile("The initramfs that the folder comes from", beside);
}

async function chooseCompression(): Promise<Packing | undefined> {
  const items: { label: string; description: string; value: Packing }[] = [
    { label: "gzip", description: "every kernel reads it", value: "gzip" },
    { label: "zstd", description: "smaller and faster; Linux 5.9 and later", value: "zstd" },
    { label: "none", description: "plain cpio", value: "none" },
  ];
  const options = { title: "Repack Folder as initramfs", placeHolder: "Compression" };
  return (await vscode.window.showQuickPick(items, options))?.value;
}

async function tellExtracted(folder: string, report: ExtractReport): Promise<void> {
  const { files, directories, links, left, leftCount } = report;
  const text = `${path.basename(folder)}: ${files} files, ${directories} folders, ${links} links.`;
  if (leftCount === 0) {
    void vscode.window.showInformationMessage(text);
    return;
  }
  const answer = await vscode.window.showWarningMessage(`${text} ${leftCount} entries were left out.`, "Show Them");
  if (answer !== "Show Them") return;
  const more = leftCount > left.length ? [`… and ${leftCount - left.length} more`] : [];
  const document = await vscode.workspace.openTextDocument({ content: `${[...left, ...more].join("\n")}\n` });
  await vscode.window.showTextDocument(document);
}
