/** The read-only file systems `initramfs:` and `bootdisk:`. */
import * as vscode from "vscode";
import type { FileType } from "../../boot-formats/filesystems/file-system.ts";
import { DISK_SCHEME, INITRAMFS_SCHEME, splitContentUri, type ContentScheme } from "./artefact-uri.ts";
import type { Artefacts } from "./artefacts.ts";
import type { ContentStat, ContentTree } from "./content-tree.ts";

/** VS Code asks for whole files only. */
const MAX_FILE = 512 * 1024 * 1024;

export function registerFileSystems(artefacts: Artefacts): vscode.Disposable {
  return vscode.Disposable.from(
    ...[INITRAMFS_SCHEME, DISK_SCHEME].map((scheme) =>
      vscode.workspace.registerFileSystemProvider(scheme, new ContentFileSystem(scheme as ContentScheme, artefacts), {
        isReadonly: true,
        isCaseSensitive: true,
      }),
    ),
  );
}

class ContentFileSystem implements vscode.FileSystemProvider {
  private readonly changes = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly onDidChangeFile = this.changes.event;
  private readonly scheme: ContentScheme;
  private readonly artefacts: Artefacts;

  constructor(scheme: ContentScheme, artefacts: Artefacts) {
    this.scheme = scheme;
    this.artefacts = artefacts;
  }

  /** Artefacts are read anew when they have changed; nobody is told. */
  watch(): vscode.Disposable {
    return new vscode.Disposable(() => undefined);
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const { tree, inner } = await this.open(uri);
    const stat = await tree.stat(inner);
    if (!stat) throw vscode.FileSystemError.FileNotFound(uri);
    const link = stat.type === "symlink";
    const source = link ? await tree.source(inner) : undefined;
    return {
      type: await fileType(stat, () => tree.leadsToFolder(inner), source !== undefined),
      ctime: 0,
      mtime: stat.mtime * 1000,
      size: source?.size ?? stat.size,
      permissions: vscode.FilePermission.Readonly,
    };
  }

  async readDirectory(uri: vscode.Uri): Promise<[string, vscode.FileType][]> {
    const { tree, inner } = await this.open(uri);
    const entries = await tree.list(inner);
    if (!entries) throw vscode.FileSystemError.FileNotADirectory(uri);
    return Promise.all(
      entries.map(async ({ name, stat }): Promise<[string, vscode.FileType]> => {
        const path = inner === "" ? name : `${inner}/${name}`;
        return [name, await fileType(stat, () => tree.leadsToFolder(path), true)];
      }),
    );
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    const { tree, inner } = await this.open(uri);
    const source = await tree.source(inner);
    if (!source) {
      const stat = await tree.stat(inner);
      if (!stat) throw vscode.FileSystemError.FileNotFound(uri);
      if (stat.type === "directory") throw vscode.FileSystemError.FileIsADirectory(uri);
      const what = stat.type === "symlink" ? `a link to ${stat.target ?? ""}, which is not there` : describe(stat);
      throw vscode.FileSystemError.Unavailable(`${inner} is ${what}: a file was expected.`);
    }
    if (source.size > MAX_FILE) {
      throw vscode.FileSystemError.Unavailable(`${inner} has ${source.size} bytes: at most ${MAX_FILE} are read.`);
    }
    return source.read(0, source.size);
  }

  createDirectory(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  writeFile(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  delete(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  rename(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  private async open(uri: vscode.Uri): Promise<{ tree: ContentTree; inner: string }> {
    const { artefact, inner } = splitContentUri(uri);
    try {
      return { tree: await this.artefacts.content(this.scheme, artefact), inner };
    } catch (error) {
      throw vscode.FileSystemError.Unavailable(error instanceof Error ? error.message : String(error));
    }
  }
}

/** "character device 5:1". */
export function describe({ type, device }: ContentStat): string {
  return device === undefined ? `a ${type}` : `a ${type} ${device}`;
}

const PLAIN: Partial<Record<FileType, vscode.FileType>> = {
  file: vscode.FileType.File,
  directory: vscode.FileType.Directory,
};

async function fileType(
  stat: ContentStat,
  leadsToFolder: () => Promise<boolean>,
  leadsToFile: boolean,
): Promise<vscode.FileType> {
  if (stat.type !== "symlink") return PLAIN[stat.type] ?? vscode.FileType.Unknown;
  const target = (await leadsToFolder()) ? PLAIN.directory : leadsToFile ? PLAIN.file : vscode.FileType.Unknown;
  return vscode.FileType.SymbolicLink | (target ?? vscode.FileType.Unknown);
}
