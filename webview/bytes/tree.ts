/** The rows of a tree that are unfolded, and what is chosen in it: the model behind the tree table. */
import type { Row } from "../artefact/messages.ts";

export interface TreeRow {
  row: Row;
  /** 1 at the root. */
  level: number;
  open: boolean;
  /** Place among its siblings, from 1, and their number. */
  place: number;
  siblings: number;
}

export type LoadChildren = (id: number) => Promise<Row[]>;

export class Tree {
  /** What can be seen, in order. */
  visible: TreeRow[] = [];
  private roots: readonly Row[] = [];
  private readonly children = new Map<number, readonly Row[]>();
  private readonly open = new Set<number>();
  private readonly parents = new Map<number, number>();
  private readonly load: LoadChildren;

  constructor(load: LoadChildren) {
    this.load = load;
  }

  setRoots(roots: readonly Row[]): void {
    this.roots = roots;
    this.children.clear();
    this.open.clear();
    this.parents.clear();
    this.flatten();
  }

  /** The rows are others now; what is open stays open as far as its id is still there. Rejects as `unfold` does. */
  async replaceRoots(roots: readonly Row[]): Promise<void> {
    const open = new Set(this.open);
    this.setRoots(roots);
    const reopen = async (rows: readonly Row[]): Promise<void> => {
      for (const { id, hasChildren } of rows) {
        if (!hasChildren || !open.has(id)) continue;
        const children = await this.load(id);
        this.adopt(id, children);
        this.open.add(id);
        await reopen(children);
      }
    };
    await reopen(roots);
    this.flatten();
  }

  indexOf(id: number): number {
    return this.visible.findIndex(({ row }) => row.id === id);
  }

  parentOf(id: number): number | undefined {
    return this.parents.get(id);
  }

  /** Rejects when the children cannot be read. */
  async unfold(id: number): Promise<void> {
    if (!this.children.has(id)) this.adopt(id, await this.load(id));
    this.open.add(id);
    this.flatten();
  }

  fold(id: number): void {
    this.open.delete(id);
    this.flatten();
  }

  private adopt(id: number, rows: readonly Row[]): void {
    this.children.set(id, rows);
    for (const row of rows) this.parents.set(row.id, id);
  }

  private flatten(): void {
    const visible: TreeRow[] = [];
    const visit = (rows: readonly Row[], level: number): void => {
      for (const [index, row] of rows.entries()) {
        const open = this.open.has(row.id);
        visible.push({ row, level, open, place: index + 1, siblings: rows.length });
        if (open) visit(this.children.get(row.id) ?? [], level + 1);
      }
    };
    visit(this.roots, 1);
    this.visible = visible;
  }
}
