/** guests/steps.s as a disk image, with the addresses of its labels. */
import { execFileSync } from "node:child_process";
import path from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { DebugProtocol } from "@vscode/debugprotocol";
import type { Client } from "./client.ts";
import { client, temporaryFolder } from "./fixture.ts";

const SOURCE = fileURLToPath(new URL("guests/steps.s", import.meta.url));

export interface StepsGuest {
  image: string;
  elf: string;
  /** Address of a label, linear and physical. */
  at(label: string): bigint;
}

export async function stepsGuest(t: TestContext): Promise<StepsGuest> {
  const folder = await temporaryFolder(t);
  const run = (command: string, ...args: string[]): string =>
    execFileSync(command, args, { cwd: folder, encoding: "utf8" });
  run("as", "--32", "-g", "-o", "steps.o", SOURCE);
  run("ld", "-m", "elf_i386", "-Ttext=0x7c00", "-o", "steps.elf", "steps.o");
  run("objcopy", "-O", "binary", "steps.elf", "steps.img");
  const labels = new Map(
    run("nm", "steps.elf")
      .trim()
      .split("\n")
      .map((line): [string, bigint] => [line.split(" ")[2] ?? "", BigInt(`0x${line.split(" ")[0] ?? ""}`)]),
  );
  return {
    image: path.join(folder, "steps.img"),
    elf: path.join(folder, "steps.elf"),
    at: (label) => {
      const found = labels.get(label);
      if (found === undefined) throw new Error(`steps.s has no label "${label}".`);
      return found;
    },
  };
}

/** A session that stands at a label of the guest, without any symbols of it. */
export async function standingAt(
  t: TestContext,
  guest: StepsGuest,
  label: string,
  launch: object = {},
): Promise<Client> {
  const session = client(t);
  await session.launch({ disks: [guest.image], memory: 64, stopAt: "bootloader", ...launch });
  await session.stopped();
  await runTo(session, guest.at(label));
  return session;
}

export async function runTo(session: Client, address: bigint): Promise<DebugProtocol.StoppedEvent["body"]> {
  await session.ask("bootscope/runTo", { address: `0x${address.toString(16)}` });
  return session.stopped();
}

export async function stack(session: Client, args: object = {}): Promise<DebugProtocol.StackTraceResponse["body"]> {
  return session.ask("stackTrace", { threadId: 1, ...args });
}

/** Linear address of the next instruction. */
export async function ip(session: Client): Promise<bigint> {
  const { stackFrames } = await stack(session, { levels: 1 });
  return BigInt(stackFrames[0]?.instructionPointerReference ?? 0);
}

/** Each frame's address with what is marked on it: "7e1c", "7ed2 [frame pointer]". */
export async function marked(session: Client): Promise<string[]> {
  const { stackFrames } = await stack(session);
  return stackFrames.map(({ name, instructionPointerReference }) =>
    `${BigInt(instructionPointerReference ?? 0).toString(16)} ${/\[.*\]$/.exec(name)?.[0] ?? ""}`.trim(),
  );
}

export async function value(session: Client, expression: string, frameId?: number): Promise<bigint> {
  const { result } = await session.ask<{ result: string }>("evaluate", {
    expression,
    context: "watch",
    ...(frameId === undefined ? {} : { frameId }),
  });
  return BigInt(result.split(" ")[0] ?? "");
}
