/** Golden text traces of sessions: what was said and heard, with what changes from run to run masked. */
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import type { DebugProtocol } from "@vscode/debugprotocol";

const FOLDER = new URL("./traces/", import.meta.url);
/** Events whose number and place depend on how fast the machine and the host happen to be. */
const UNSTEADY = new Set([
  "bootscope/output",
  "output",
  "bootscope/event",
  "bootscope/screen",
  "bootscope/progress",
  "progressUpdate",
]);

/** A message of any kind, its content not trusted to be anything. */
interface Loose extends DebugProtocol.ProtocolMessage {
  command?: string;
  event?: string;
  success?: boolean;
  message?: string;
  arguments?: unknown;
  body?: unknown;
}

/** One line a message; requests and their responses belong together by order, events stand where they came. */
export function traceText(messages: readonly DebugProtocol.ProtocolMessage[], mask: readonly string[]): string {
  const slow = progressOfSlowHosts(messages);
  const lines = messages.map((message) => {
    switch (message.type) {
      case "request": {
        const { command, arguments: args } = message as Loose;
        return `→ ${command} ${JSON.stringify(args) ?? ""}`.trimEnd();
      }
      case "response": {
        const { command, success, message: text, body } = message as Loose;
        if (!success) return `← ${command} refused: ${text}`;
        return `← ${command} ${show(body)}`.trimEnd();
      }
      default: {
        const { event, body } = message as Loose;
        const isUnsteady = UNSTEADY.has(event ?? "") || slow.has(progressIdOf(body));
        return isUnsteady ? undefined : `  ${event} ${show(body)}`.trimEnd();
      }
    }
  });
  let text = lines.filter((line) => line !== undefined).join("\n") + "\n";
  // How far work was when it was told, and whether the request had been told of before it.
  text = text.replaceAll(/,"percentage":\d+/g, "").replaceAll(/("request-\d+)-work"/g, '$1"');
  for (const volatile of mask) text = text.replaceAll(JSON.stringify(volatile).slice(1, -1), "‹path›");
  return text;
}

/** Progress of requests that were told of only because the host took its time, before there was work to follow. */
function progressOfSlowHosts(messages: readonly DebugProtocol.ProtocolMessage[]): ReadonlySet<unknown> {
  const starts = messages.map((message) => message as Loose).filter(({ event }) => event === "progressStart");
  const told = starts.filter(({ body }) => (body as DebugProtocol.ProgressStartEvent["body"]).cancellable === false);
  return new Set(told.map(({ body }) => progressIdOf(body)));
}

const progressIdOf = (body: unknown): unknown =>
  (body as Partial<DebugProtocol.ProgressEndEvent["body"]> | undefined)?.progressId;

/** Lists of objects get a line an entry. */
function show(body: unknown): string {
  if (body === undefined) return "";
  const text = JSON.stringify(body);
  if (text.length < 120) return text;
  return text.replaceAll(/\},\{/g, "},\n    {");
}

/** Compares with the trace kept under that name; BOOTSCOPE_ACCEPT=1 keeps this one instead. */
export async function checkTrace(name: string, actual: string): Promise<void> {
  const file = new URL(`${name}.txt`, FOLDER);
  if (process.env["BOOTSCOPE_ACCEPT"] === "1") {
    await mkdir(FOLDER, { recursive: true });
    await writeFile(file, actual);
    return;
  }
  const expected = await readFile(file, "utf8").catch(() => "");
  assert.equal(actual, expected, `The session differs from ${name}.txt; BOOTSCOPE_ACCEPT=1 takes it over.`);
}
