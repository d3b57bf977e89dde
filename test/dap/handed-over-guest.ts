/** What the tests of what a boot hands over share: asking until an answer is whole, and changing guest memory. */
import type { InitramfsArguments, InitramfsResponse } from "../../debug-adapter/protocol.ts";
import type { Client } from "./client.ts";

/** "bootscope/initramfs" until it has been read; answers in between are counted as progress. */
export async function initramfs(session: Client, args: InitramfsArguments = {}): Promise<InitramfsResponse> {
  for (let again = args.again === true; ; again = false) {
    const answer = await session.ask<InitramfsResponse>("bootscope/initramfs", { ...args, again });
    if (answer.reading === undefined) return answer;
  }
}

export async function readPhysical(session: Client, address: bigint, count: number): Promise<Buffer> {
  const memoryReference = `phys:0x${address.toString(16)}`;
  const { data } = await session.ask<{ data: string }>("readMemory", { memoryReference, count });
  return Buffer.from(data, "base64");
}

export async function writePhysical(session: Client, address: bigint, bytes: Uint8Array): Promise<void> {
  const memoryReference = `phys:0x${address.toString(16)}`;
  await session.ask("writeMemory", { memoryReference, data: Buffer.from(bytes).toString("base64") });
}

export function word32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** Everything that the first serial port has printed since the session began. */
export function consoleText(session: Client): string {
  return session.messages
    .flatMap((message) => {
      const event = message as { event?: string; body?: { source: number | "debug"; data: string } };
      if (event.event !== "bootscope/output" || event.body?.source !== 0) return [];
      return [Buffer.from(event.body.data, "base64").toString("latin1")];
    })
    .join("");
}
