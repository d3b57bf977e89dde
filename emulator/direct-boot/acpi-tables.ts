/** The board's ACPI tables as firmware would have left them in memory (docs/direct-boot.md). */
import { linkTables } from "../../boot-formats/table-loader.ts";
import { buildAcpiFiles, RSDP_FILE, TABLES_FILE } from "../board/tables/acpi.ts";
import type { MemoryWrite } from "./types.ts";

/**
 * All tables at the physical address `tables`, a multiple of 64, and the RSDP at `rsdp`, which is within 0xE0000 …
 * 0xFFFFF on a 16-byte boundary, where kernels look for it.
 */
export function buildAcpiTables(at: { tables: number; rsdp: number }): { tables: MemoryWrite; rsdp: MemoryWrite } {
  const { files, script } = buildAcpiFiles();
  const addresses = new Map([
    [TABLES_FILE, at.tables],
    [RSDP_FILE, at.rsdp],
  ]);
  const linked = linkTables(files, script, addresses);
  return {
    tables: { physical: at.tables, bytes: linked.get(TABLES_FILE)! },
    rsdp: { physical: at.rsdp, bytes: linked.get(RSDP_FILE)! },
  };
}
