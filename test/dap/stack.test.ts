/** Call stacks in 16- and 32-bit code: near, far and interrupt frames, with frame pointers and without. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { marked, runTo, stack, standingAt, stepsGuest, value } from "./steps-guest.ts";
import type { StepsGuest } from "./steps-guest.ts";

/** What `marked` should give: labels of the guest with their marks. */
const expected = (guest: StepsGuest, ...frames: [label: string, mark?: string][]): string[] =>
  frames.map(([label, mark]) => `${guest.at(label).toString(16)} ${mark === undefined ? "" : `[${mark}]`}`.trim());

test("real mode: through 32-bit calls, far calls and frame pointers", async (t) => {
  const guest = await stepsGuest(t);
  const session = await standingAt(t, guest, "in_leaf");
  const frames = await marked(session);
  assert.deepEqual(
    frames.slice(0, 5),
    expected(
      guest,
      ["in_leaf"],
      ["after_leaf", "from code"],
      ["after_inner", "from code"],
      ["after_far", "from code"],
      ["after_outer", "frame pointer"],
    ),
  );
  const { stackFrames } = await stack(session);
  assert.match(stackFrames[1]?.name ?? "", /^07c0:02e7 = 0x7ee7 \[from code\]$/, "the segment of the far function");
  assert.match(stackFrames[3]?.name ?? "", /^0000:7ed2 = 0x7ed2 \[from code\]$/, "the segment of its caller");

  // In the middle of a prologue and of an epilogue the callers are the same.
  for (const label of ["leaf", "inner", "far_function"]) {
    await session.ask("restart");
    await session.stopped();
    await runTo(session, guest.at(label));
    assert.deepEqual(
      (await marked(session)).at(label === "far_function" ? 2 : label === "inner" ? 3 : 4),
      frames[4],
      label,
    );
  }
  await session.close();
});

test("real mode: out of the code of an interrupt into what called it", async (t) => {
  const guest = await stepsGuest(t);
  const session = await standingAt(t, guest, "handler60");
  assert.deepEqual(
    (await marked(session))[1],
    expected(guest, ["after_int", "INT 60h"])[0],
    "at its first instruction",
  );
  await runTo(session, guest.at("in_handler60"));
  assert.deepEqual(
    (await marked(session)).slice(0, 3),
    expected(guest, ["in_handler60"], ["after_in_handler60", "from code"], ["after_int", "INT 60h"]),
  );
  await session.move("stepOut");
  await session.move("stepOut");
  assert.deepEqual((await marked(session))[0], expected(guest, ["after_int"])[0]);
  assert.equal(await value(session, "sp"), 0x7000n);
  await session.close();
});

test("32-bit code: frame pointers, arguments released by the return, and an interrupt from ring 3", async (t) => {
  const guest = await stepsGuest(t);
  const session = await standingAt(t, guest, "in_inner32");
  assert.deepEqual(
    (await marked(session)).slice(0, 3),
    expected(guest, ["in_inner32"], ["after_inner32", "frame pointer"], ["after_outer32", "frame pointer"]),
  );
  await runTo(session, guest.at("in_leaf32"));
  assert.deepEqual(
    (await marked(session)).slice(0, 4),
    expected(
      guest,
      ["in_leaf32"],
      ["leaf_returned", "from code"],
      ["after_int30", "INT 30h"],
      ["after_ask", "from code"],
    ),
  );

  // What is known of a frame, and nothing else.
  const { stackFrames } = await stack(session);
  const user = stackFrames[2]?.id;
  assert.equal(await value(session, "esp", user), 0x5fff8n, "the stack of ring 3, with a return address and EBP");
  assert.equal(await value(session, "cs", user), 0x1bn);
  assert.equal(await value(session, "u32 lin[esp + 4]", user), guest.at("after_ask"));
  const refused = await session.refused("evaluate", { expression: "esi + 1", context: "watch", frameId: user });
  assert.match(refused, /^Character 1 of "esi \+ 1": a register that is known of this frame was expected \(rip, .*rsp/);
  assert.match(
    await session.refused("evaluate", { expression: "ebx = 1", context: "repl", frameId: user }),
    /caller's frame cannot be written/,
  );
  assert.match(
    await session.refused("evaluate", { expression: "eip", context: "watch", frameId: 77 }),
    /no stack frame 77/,
  );
  const { scopes } = await session.ask<DebugProtocol.ScopesResponse["body"]>("scopes", { frameId: user });
  assert.deepEqual(
    scopes.map(({ name }) => name),
    ["Known registers"],
  );
  const variablesReference = scopes[0]?.variablesReference;
  const { variables } = await session.ask<DebugProtocol.VariablesResponse["body"]>("variables", { variablesReference });
  const shown = new Map(variables.map((one) => [one.name, one.value]));
  assert.equal(shown.get("eip"), `0x${guest.at("after_int30").toString(16).padStart(8, "0")}`);
  assert.equal(shown.get("esp"), "0x0005fff8");
  assert.equal(shown.get("ss"), "0x0023");
  assert.equal(shown.has("esi"), false);
  const set = { variablesReference, name: "esp", value: "0" };
  assert.match(await session.refused("setVariable", set), /caller's frame cannot be written/);
  await session.close();
});

test("stackTrace gives the part that is asked for", async (t) => {
  const guest = await stepsGuest(t);
  const session = await standingAt(t, guest, "in_leaf");
  const all = await stack(session);
  assert.equal(all.totalFrames, all.stackFrames.length);
  const one = await stack(session, { startFrame: 0, levels: 1 });
  assert.deepEqual(one.stackFrames, all.stackFrames.slice(0, 1));
  assert.ok((one.totalFrames ?? 0) > 1, "there is more to ask for");
  const some = await stack(session, { startFrame: 1, levels: 2 });
  assert.deepEqual(some.stackFrames, all.stackFrames.slice(1, 3));
  assert.deepEqual((await stack(session, { startFrame: 500, levels: 2 })).stackFrames, []);
  assert.match(await session.refused("stackTrace", { threadId: 1, startFrame: -1 }), /"startFrame" must be/);
  await session.close();
});
