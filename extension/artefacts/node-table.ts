/** Numbers the nodes of an artefact that its page knows of, and finds the one that holds a byte. */
import type { Row } from "../../webview/artefact/messages.ts";
import type { ArtefactNode } from "./node.ts";

/** Deepest tree that is walked for a byte. */
const MAX_DEPTH = 40;

export class NodeTable {
  private readonly nodes: ArtefactNode[] = [];
  private readonly ids = new Map<ArtefactNode, number>();
  private readonly made = new Map<ArtefactNode, Promise<ArtefactNode[]>>();
  private readonly roots: readonly ArtefactNode[];

  constructor(roots: readonly ArtefactNode[]) {
    this.roots = roots;
  }

  rootRows(): Row[] {
    return this.roots.map((node) => this.row(node));
  }

  /** @throws Error when no row has the id */
  node(id: number): ArtefactNode {
    const node = this.nodes[id];
    if (!node) throw new Error(`There is no row ${id}.`);
    return node;
  }

  async children(id: number): Promise<Row[]> {
    return (await this.childNodes(this.node(id))).map((node) => this.row(node));
  }

  /** Rows from the root to the deepest node that holds the byte. */
  async locate(stream: number, offset: number): Promise<Row[]> {
    const path: Row[] = [];
    let level: readonly ArtefactNode[] = this.roots;
    while (path.length < MAX_DEPTH) {
      const found = await this.holder(level, stream, offset);
      if (!found) return path;
      path.push(this.row(found));
      level = found.children ? await this.childNodes(found) : [];
    }
    return path;
  }

  /** Of several nodes with the byte the shortest: a partition's fields before the partition. */
  private async holder(
    nodes: readonly ArtefactNode[],
    stream: number,
    offset: number,
  ): Promise<ArtefactNode | undefined> {
    let best: ArtefactNode | undefined;
    const groups: ArtefactNode[] = [];
    for (const node of nodes) {
      if (node.stream === undefined) {
        if (node.children) groups.push(node);
        continue;
      }
      const inside = node.stream === stream && offset >= node.offset && offset < node.offset + node.length;
      if (inside && (!best || node.length < best.length)) best = node;
    }
    if (best) return best;
    // A group has no bytes of its own; its members may.
    for (const group of groups) {
      if (await this.holder(await this.childNodes(group), stream, offset)) return group;
    }
    return undefined;
  }

  private childNodes(node: ArtefactNode): Promise<ArtefactNode[]> {
    let children = this.made.get(node);
    if (!children) {
      children = Promise.resolve().then(() => node.children?.() ?? []);
      // What failed may be tried again.
      children.catch(() => this.made.delete(node));
      this.made.set(node, children);
    }
    return children;
  }

  private row(node: ArtefactNode): Row {
    let id = this.ids.get(node);
    if (id === undefined) {
      id = this.nodes.push(node) - 1;
      this.ids.set(node, id);
    }
    const { name, value, note, problem, stream, offset, length } = node;
    return {
      id,
      name,
      value,
      ...(note === undefined ? {} : { note }),
      ...(problem === undefined ? {} : { problem }),
      ...(stream === undefined ? {} : { stream }),
      offset,
      length,
      hasChildren: node.children !== undefined,
      opens: node.opens !== undefined,
    };
  }
}
