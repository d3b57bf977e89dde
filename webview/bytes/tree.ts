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

  indexOf(id: number): number {
    return this.visible.findIndex(({ row }) => row.id === id);
  }

  parentOf(id: number): number | undefined {
    return this.parents.get(id);
  }

  /** Rejects when the children cannot be read. */
  async unfold(id: number): Promise<void> {
    if (!this.children.has(id)) {
      const rows = await this.load(id);
      this.children.set(id, rows);
      for (const row of rows) this.parents.set(row.id, id);
    }
    this.open.add(id);
    this.flatten();
  }

  fold(id: number): void {
    this.open.delete(id);
    this.flatten();
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
