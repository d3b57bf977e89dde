/** The view "Boot Artefacts" in the Explorer: files within disks and archives, and comparisons of archives. */
import * as vscode from "vscode";
import { sizeText } from "../../boot-formats/disk/mbr.ts";
import { baseName, contentUri, type ContentScheme } from "./artefact-uri.ts";
import type { Artefacts } from "./artefacts.ts";
import { describeDifference, summarise, type Comparison, type Difference } from "./compare.ts";
import type { ContentStat } from "./content-tree.ts";
import { shown } from "./safe-path.ts";

export const VIEW = "bootscope.artefacts";
const CONTEXT = "bootscope.hasArtefacts";
/** Rows below one folder. */
const MAX_ROWS = 20_000;

interface RootItem {
  kind: "artefact";
  scheme: ContentScheme;
  artefact: vscode.Uri;
}

export interface FileItem {
  kind: "file";
  scheme: ContentScheme;
  artefact: vscode.Uri;
  /** Within the artefact. */
  inner: string;
  name: string;
  stat: ContentStat;
  folder: boolean;
}

export interface ComparisonItem {
  kind: "comparison";
  left: vscode.Uri;
  right: vscode.Uri;
  result: Comparison;
}

interface GroupItem {
  kind: "group";
  of: ComparisonItem;
  which: Difference["kind"];
}

export interface DifferenceItem {
  kind: "difference";
  of: ComparisonItem;
  difference: Difference;
}

interface MessageItem {
  kind: "message";
  text: string;
}

export type ViewItem = RootItem | FileItem | ComparisonItem | GroupItem | DifferenceItem | MessageItem;

export class ContentsView implements vscode.TreeDataProvider<ViewItem>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<ViewItem | undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly artefacts: Artefacts;
  private roots: (RootItem | ComparisonItem)[] = [];
  private readonly view: vscode.TreeView<ViewItem>;

  constructor(artefacts: Artefacts) {
    this.artefacts = artefacts;
    this.view = vscode.window.createTreeView<ViewItem>(VIEW, { treeDataProvider: this, showCollapseAll: true });
  }

  dispose(): void {
    this.view.dispose();
    this.changed.dispose();
  }

  /** Adds an artefact, or shows the one that is there. */
  async browse(artefact: vscode.Uri): Promise<void> {
    const scheme = await this.artefacts.schemeOf(artefact);
    // Says at once what is wrong with it.
    await this.artefacts.content(scheme, artefact);
    const same = (item: RootItem | ComparisonItem): boolean =>
      item.kind === "artefact" && item.artefact.toString() === artefact.toString();
    await this.add(this.roots.find(same) ?? { kind: "artefact", scheme, artefact });
  }

  compare(item: ComparisonItem): Promise<void> {
    return this.add(item);
  }

  async remove(item: ViewItem): Promise<void> {
    this.roots = this.roots.filter((root) => root !== item);
    this.changed.fire(undefined);
    if (this.roots.length === 0) await vscode.commands.executeCommand("setContext", CONTEXT, false);
  }

  private async add(item: RootItem | ComparisonItem): Promise<void> {
    // At the top, where there is room below it for what is in it.
    this.roots = [item, ...this.roots.filter((root) => root !== item)];
    await vscode.commands.executeCommand("setContext", CONTEXT, true);
    this.changed.fire(undefined);
    await vscode.commands.executeCommand(`${VIEW}.focus`);
    await this.view.reveal(item, { expand: true, focus: true, select: true });
  }

  getParent(item: ViewItem): ViewItem | undefined {
    return item.kind === "group" || item.kind === "difference" ? item.of : undefined;
  }

  async getChildren(item?: ViewItem): Promise<ViewItem[]> {
    if (!item) return this.roots;
    switch (item.kind) {
      case "artefact":
        return this.files(item, "");
      case "file":
        return this.files(item, item.inner);
      case "comparison":
        return (["changed", "added", "removed"] as const)
          .filter((which) => item.result.differences.some(({ kind }) => kind === which))
          .map((which) => ({ kind: "group", of: item, which }));
      case "group":
        return item.of.result.differences
          .filter(({ kind }) => kind === item.which)
          .map((difference) => ({ kind: "difference", of: item.of, difference }));
      case "difference":
      case "message":
        return [];
    }
  }

  private async files({ scheme, artefact }: RootItem | FileItem, inner: string): Promise<ViewItem[]> {
    try {
      const tree = await this.artefacts.content(scheme, artefact);
      const entries = (await tree.list(inner)) ?? [];
      const items: FileItem[] = [];
      for (const { name, stat } of entries.slice(0, MAX_ROWS)) {
        const path = inner === "" ? name : `${inner}/${name}`;
        items.push({ kind: "file", scheme, artefact, inner: path, name, stat, folder: stat.type === "directory" });
      }
      items.sort((a, b) => Number(b.folder) - Number(a.folder) || a.name.localeCompare(b.name));
      const left = entries.length - items.length;
      return left === 0 ? items : [...items, { kind: "message", text: `${left} more are not shown.` }];
    } catch (error) {
      return [{ kind: "message", text: error instanceof Error ? error.message : String(error) }];
    }
  }

  getTreeItem(item: ViewItem): vscode.TreeItem {
    switch (item.kind) {
      case "artefact":
        return rootTreeItem(item);
      case "file":
        return fileTreeItem(item);
      case "comparison":
        return comparisonTreeItem(item);
      case "group": {
        const count = item.of.result.differences.filter(({ kind }) => kind === item.which).length;
        const label = `${item.which.charAt(0).toUpperCase()}${item.which.slice(1)} (${count})`;
        return new vscode.TreeItem(label, vscode.TreeItemCollapsibleState.Expanded);
      }
      case "difference":
        return differenceTreeItem(item);
      case "message":
        return Object.assign(new vscode.TreeItem(item.text), { iconPath: new vscode.ThemeIcon("warning") });
    }
  }
}

function rootTreeItem({ scheme, artefact }: RootItem): vscode.TreeItem {
  const item = new vscode.TreeItem(shown(baseName(artefact)), vscode.TreeItemCollapsibleState.Collapsed);
  item.iconPath = new vscode.ThemeIcon(scheme === "initramfs" ? "archive" : "database");
  item.tooltip = artefact.scheme === "file" ? artefact.fsPath : artefact.toString(true);
  item.contextValue = scheme;
  return item;
}

/** What stands behind a file's name. */
function description({ type, size, target, device }: ContentStat): string {
  if (type === "symlink") return `→ ${shown(target ?? "")}`;
  if (device !== undefined) return `${type} ${device}`;
  return type === "file" ? sizeText(size) : type === "directory" ? "" : type;
}

const ICONS: Partial<Record<ContentStat["type"], vscode.ThemeIcon>> = {
  directory: vscode.ThemeIcon.Folder,
  file: vscode.ThemeIcon.File,
  symlink: new vscode.ThemeIcon("file-symlink-file"),
};

function fileTreeItem(file: FileItem): vscode.TreeItem {
  const { name, stat, folder, scheme, artefact, inner } = file;
  const { Collapsed, None } = vscode.TreeItemCollapsibleState;
  const item = new vscode.TreeItem(shown(name), folder ? Collapsed : None);
  const opens = stat.type === "file" || stat.type === "symlink";
  item.iconPath = ICONS[stat.type] ?? new vscode.ThemeIcon("circuit-board");
  // The theme chooses the icon by the name.
  if (stat.type === "file" || folder) item.resourceUri = contentUri(scheme, artefact, inner);
  item.description = description(stat);
  item.tooltip = [shown(`/${inner}`), stat.permissions, description(stat)].filter((text) => text !== "").join("\n");
  item.contextValue = folder ? "folder" : opens ? "file" : "device";
  if (opens) {
    item.command = { command: "bootscope.openArtefactFile", title: "Open", arguments: [file] };
  }
  return item;
}

function comparisonTreeItem({ left, right, result }: ComparisonItem): vscode.TreeItem {
  const label = `${shown(baseName(left))} ↔ ${shown(baseName(right))}`;
  const item = new vscode.TreeItem(label, vscode.TreeItemCollapsibleState.Expanded);
  item.iconPath = new vscode.ThemeIcon("diff");
  item.description = summarise(result);
  item.tooltip = `${label}\n${item.description}`;
  item.contextValue = "comparison";
  return item;
}

function differenceTreeItem(of: DifferenceItem): vscode.TreeItem {
  const { difference } = of;
  const item = new vscode.TreeItem(shown(difference.path));
  const icons = { added: "diff-added", removed: "diff-removed", changed: "diff-modified" };
  item.iconPath = new vscode.ThemeIcon(icons[difference.kind]);
  item.description = describeDifference(difference);
  item.tooltip = `${shown(difference.path)}\n${item.description}`;
  item.command = { command: "bootscope.openArtefactDifference", title: "Compare", arguments: [of] };
  return item;
}
