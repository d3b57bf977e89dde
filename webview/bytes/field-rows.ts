/** Fields of a structure in guest memory as rows of a tree. A field keeps its row's id from stop to stop. */
import type { WireField } from "../../debug-adapter/protocol.ts";
import type { Row } from "../artefact/messages.ts";
import { addressOf } from "../ui/format.ts";

interface Node {
  row: Row;
  field: WireField;
  children: Node[];
}

export class FieldRows {
  private roots: readonly Node[] = [];
  private nodes: ReadonlyMap<number, Node> = new Map();
  /** Ids by the names on the way to a field. */
  private readonly ids = new Map<string, number>();

  /** `before` is what the fields were at the stop before. */
  set(fields: readonly WireField[], before: readonly WireField[] = []): void {
    const nodes = new Map<number, Node>();
    this.roots = this.build(fields, before, "", nodes);
    this.nodes = nodes;
  }

  get rows(): Row[] {
    return this.roots.map(({ row }) => row);
  }

  children(id: number): Row[] {
    return (this.nodes.get(id)?.children ?? []).map(({ row }) => row);
  }

  field(id: number): WireField | undefined {
    return this.nodes.get(id)?.field;
  }

  /** Rows from the root to the deepest one that holds the byte at a guest physical address. */
  pathTo(address: number): Row[] {
    const path: Row[] = [];
    let level = this.roots;
    for (;;) {
      const node = level.find(({ row }) => address >= row.offset && address < row.offset + row.length);
      if (node === undefined) return path;
      path.push(node.row);
      level = node.children;
    }
  }

  private build(
    fields: readonly WireField[],
    before: readonly WireField[],
    path: string,
    nodes: Map<number, Node>,
  ): Node[] {
    const seen = new Map<string, number>();
    const earlier = new Map(keyed(before));
    return fields.map((field) => {
      const key = keyOf(field, seen);
      const old = earlier.get(key);
      const own = `${path}/${key}`;
      const id = this.ids.get(own) ?? this.ids.size;
      this.ids.set(own, id);
      const children = this.build(field.children ?? [], old?.children ?? [], own, nodes);
      const { name, value, note, problem, length } = field;
      const row: Row = {
        id,
        name,
        value,
        stream: 0,
        offset: Number(addressOf(field.offset)),
        length,
        hasChildren: children.length > 0,
        opens: field.pointsTo !== undefined,
        ...(old !== undefined && old.value !== value && { was: old.value }),
        ...(note !== undefined && { note }),
        ...(problem !== undefined && { problem }),
      };
      const node = { row, field, children };
      nodes.set(id, node);
      return node;
    });
  }
}

/** A name, told apart from those of the same name before it. */
function keyOf({ name }: WireField, seen: Map<string, number>): string {
  const count = seen.get(name) ?? 0;
  seen.set(name, count + 1);
  return count === 0 ? name : `${name} ${count}`;
}

function keyed(fields: readonly WireField[]): [string, WireField][] {
  const seen = new Map<string, number>();
  return fields.map((field) => [keyOf(field, seen), field]);
}
