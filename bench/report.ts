/** Tables of results. */
import type { EngineName } from "./engines.ts";
import type { Moment } from "./measure.ts";

/** One engine in one segment of a workload. */
export interface Cell {
  segment: string;
  engine: EngineName;
  title: string;
  /** What the segment took; the least of all runs, each figure by itself. */
  took?: Moment;
  runs: number;
  /** Why there are no figures. */
  failure?: string;
}

function quotient(value: number | undefined, base: number | undefined, digits = 2): string {
  if (value === undefined || base === undefined || !(base > 0) || Number.isNaN(value)) return "–";
  return (value / base).toFixed(digits);
}

function find(cells: readonly Cell[], segment: string, engine: EngineName): Moment | undefined {
  return cells.find((cell) => cell.segment === segment && cell.engine === engine)?.took;
}

const COLUMNS = [
  "workload",
  "engine",
  "wall s",
  "÷ QEMU TCG",
  "Bootscope ÷ it",
  "user s",
  "÷ QEMU TCG",
  "Bootscope ÷ it",
  "10⁶ instructions",
  "10⁶ a wall second",
  "10⁶ a user second",
  "runs",
];

/** Workloads × engines, with the reasons for gaps below. */
export function table(cells: readonly Cell[]): string {
  const lines = cells.map(({ segment, engine, title, took, runs }, i) => {
    const ours = find(cells, segment, "bootscope");
    const qemu = find(cells, segment, "qemu");
    const millions = took?.instructions === undefined ? undefined : took.instructions / 1e6;
    // The same work in the same guest: for engines that do not count, the instructions are those that Bootscope ran.
    const work = engine === "v86" || ours?.instructions === undefined ? millions : ours.instructions / 1e6;
    const row = [
      cells[i - 1]?.segment === segment ? "" : segment,
      title,
      took?.wall.toFixed(2) ?? "–",
      quotient(took?.wall, qemu?.wall),
      engine === "bootscope" ? "" : quotient(ours?.wall, took?.wall),
      took?.user.toFixed(2) ?? "–",
      quotient(took?.user, qemu?.user),
      engine === "bootscope" ? "" : quotient(ours?.user, took?.user),
      millions?.toFixed(0) ?? "–",
      quotient(work, took?.wall, 0),
      quotient(work, took?.user, 0),
      runs === 0 ? "–" : String(runs),
    ];
    return `| ${row.join(" | ")} |`;
  });
  const rule = COLUMNS.map((_, i) => (i < 2 ? "---" : "---:"));
  const failures = cells.flatMap(({ segment, title, failure }) =>
    failure === undefined ? [] : [`- ${segment}, ${title}: ${failure}`],
  );
  return [
    `| ${COLUMNS.join(" | ")} |`,
    `| ${rule.join(" | ")} |`,
    ...lines,
    ...(failures.length > 0 ? ["", "No figures:", "", ...failures] : []),
  ].join("\n");
}

/** What we want to be seen, in times of Bootscope over another engine's. */
const BOUNDS: readonly { segments: readonly string[]; against: EngineName; title: string; atMost: number }[] = [
  { segments: ["cloud kernel, direct", "stock kernel, direct"], against: "qemu", title: "QEMU TCG", atMost: 2.5 },
  {
    segments: ["cloud kernel, direct", "stock kernel, direct"],
    against: "qemu-icount",
    title: "QEMU TCG -icount",
    atMost: 1,
  },
  { segments: ["cloud kernel, disk", "stock kernel, disk"], against: "qemu", title: "QEMU TCG", atMost: 1.5 },
  { segments: ["cloud kernel, disk", "stock kernel, disk"], against: "bochs", title: "Bochs", atMost: 0.25 },
];

/** The bounds and what was measured; undefined when nothing of it was. */
export function boundsTable(cells: readonly Cell[]): string | undefined {
  const lines = BOUNDS.flatMap(({ segments, against, title, atMost }) =>
    segments.flatMap((segment) => {
      const ours = find(cells, segment, "bootscope");
      const theirs = find(cells, segment, against);
      if (!ours || !theirs) return [];
      const met = ours.wall / theirs.wall <= atMost ? "yes" : "no";
      const ratios = `${quotient(ours.wall, theirs.wall)} | ${quotient(ours.user, theirs.user)}`;
      return [`| ${segment} | ${title} | ${atMost} | ${ratios} | ${met} |`];
    }),
  );
  if (lines.length === 0) return undefined;
  return [
    "| Bootscope in | against | at most | wall | user | met by wall time |",
    "| --- | --- | ---: | ---: | ---: | --- |",
    ...lines,
  ].join("\n");
}
