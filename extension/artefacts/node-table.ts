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

  /** Rows from the root to the smallest node that holds the byte. */
  async locate(stream: number, offset: number): Promise<Row[]> {
    return (await this.path(this.roots, stream, offset, 1)).map((node) => this.row(node));
  }

  /** Of several ways the one to the smallest node: headers of two formats may lie on the same bytes. */
  private async path(
    nodes: readonly ArtefactNode[],
    stream: number,
    offset: number,
    depth: number,
  ): Promise<ArtefactNode[]> {
    let best: ArtefactNode[] = [];
    for (const node of nodes) {
      const isGroup = node.stream === undefined;
      const inside = node.stream === stream && offset >= node.offset && offset < node.offset + node.length;
      if (!inside && !(isGroup && node.children)) continue;
      const below = node.children && depth < MAX_DEPTH ? await this.childNodes(node) : [];
      const deeper = await this.path(below, stream, offset, depth + 1);
      // A group has no bytes of its own; its members may.
      if (isGroup && deeper.length === 0) continue;
      const way = [node, ...deeper];
      if (best.length === 0 || way[way.length - 1]!.length < best[best.length - 1]!.length) best = way;
    }
    return best;
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
