import assert from "node:assert/strict";
import path from "node:path";
import { describe, it } from "mocha";
import * as vscode from "vscode";
import { physicalAddressProblem, physicalBreakpointName } from "../../../extension/address-breakpoints.ts";
import { findGuestFiles, matchingInitrd, rankGuestFiles } from "../../../extension/guest-files.ts";
import { LaunchConfigurationProvider } from "../../../extension/launch-configuration.ts";
import { configuration, folder } from "./drive.ts";

const EXTENSION = "bootscope.bootscope";

describe("launch configurations", () => {
  it("are offered for the kernel and initramfs of the folder", async () => {
    const { kernels, initrds } = await findGuestFiles(folder());
    assert.deepEqual(
      kernels.map((file) => path.basename(file).replace(/-.*/, "")),
      ["vmlinuz"],
    );
    assert.deepEqual(
      initrds.map((file) => path.basename(file)),
      ["initramfs.cpio.gz"],
    );
    const [offered, ...more] = await new LaunchConfigurationProvider().provideDebugConfigurations(folder());
    assert.equal(more.length, 0);
    assert.equal(offered?.type, "bootscope");
    assert.match(String(offered["kernel"]), /^\$\{workspaceFolder\}\/vmlinuz-/);
    assert.equal(offered["initrd"], "${workspaceFolder}/initramfs.cpio.gz");
  });

  it("come out of nothing when F5 finds no launch.json", async () => {
    const empty = { type: "", name: "", request: "" };
    const resolved = await new LaunchConfigurationProvider().resolveDebugConfiguration(folder(), empty);
    assert.equal(resolved?.type, "bootscope");
    assert.equal(resolved.request, "launch");
    assert.ok(String(resolved["kernel"]).startsWith(folder().uri.fsPath), "an absolute path");
    assert.equal(resolved["cmdline"], "console=ttyS0");
  });

  it("run the built-in demo where no kernel is at hand", async () => {
    const uri = vscode.Uri.joinPath(folder().uri, "bad");
    const empty = { type: "", name: "", request: "" };
    const provider = new LaunchConfigurationProvider();
    const resolved = await provider.resolveDebugConfiguration({ uri, name: "bad", index: 1 }, empty);
    assert.deepEqual([resolved?.type, resolved?.["demo"], resolved?.["kernel"]], ["bootscope", true, undefined]);
  });

  it("have absolute paths wherever they name files", async () => {
    const given = configuration({ initrd: undefined, disks: [{ file: "bad/cut-off" }], firmware: "builtin" });
    const provider = new LaunchConfigurationProvider();
    const resolved = await provider.resolveDebugConfigurationWithSubstitutedVariables(folder(), {
      ...given,
      kernel: path.basename(String(given["kernel"])),
    });
    const within = (name: string): string => path.join(folder().uri.fsPath, name);
    assert.equal(resolved?.["kernel"], within(path.basename(String(given["kernel"]))));
    assert.deepEqual(resolved["disks"], [{ file: within("bad/cut-off") }]);
    assert.equal(resolved["firmware"], "builtin");
  });

  it("prefer an initramfs of the kernel's version, then one beside it", () => {
    const initrds = ["/a/initrd.img-6.1", "/b/initramfs.cpio.gz", "/b/initrd.img-6.6"];
    assert.equal(matchingInitrd("/b/vmlinuz-6.1", initrds), "/a/initrd.img-6.1");
    assert.equal(matchingInitrd("/b/bzImage", initrds), "/b/initramfs.cpio.gz");
    assert.equal(matchingInitrd("/c/bzImage", initrds), "/a/initrd.img-6.1");
    assert.equal(matchingInitrd("/c/bzImage", []), undefined);
  });

  it("rank a bzImage before a vmlinux and leave source files out", () => {
    const found = ["/k/vmlinux", "/k/vmlinux.lds", "/k/arch/x86/boot/bzImage", "/k/vmlinux.o"];
    assert.deepEqual(rankGuestFiles(found), ["/k/arch/x86/boot/bzImage", "/k/vmlinux"]);
  });

  it("with bad input start nothing", async () => {
    const cases: Record<string, unknown>[] = [
      { kernel: "${workspaceFolder}/nowhere" },
      { kernel: "${workspaceFolder}/bad" },
      { kernel: "${workspaceFolder}/bad/arm64-Image" },
      { kernel: "${workspaceFolder}/bad/cut-off" },
      { initrd: "${workspaceFolder}/bad/huge-initrd", memory: 100 },
    ];
    let sessions = 0;
    const counter = vscode.debug.onDidStartDebugSession(() => sessions++);
    for (const change of cases) {
      assert.equal(await vscode.debug.startDebugging(folder(), configuration(change)), false, JSON.stringify(change));
    }
    counter.dispose();
    assert.equal(sessions, 0);
  });
});

describe("addresses of physical breakpoints", () => {
  it("are understood in every notation and named in one", () => {
    for (const text of ["phys:0x7c00", "0x7C00", "31744", " 07c0:0000 "]) {
      assert.equal(physicalAddressProblem(text), undefined, text);
      assert.equal(physicalBreakpointName(text), "phys:0x7c00", text);
    }
  });

  it("are refused when they are none", () => {
    for (const text of ["", "start_kernel", "0x", "phys:", "7c00", "lin:0x7c00", "-1"]) {
      assert.notEqual(physicalAddressProblem(text), undefined, text);
    }
  });
});

describe("the extension", () => {
  it("contributes its commands", async () => {
    await vscode.extensions.getExtension(EXTENSION)?.activate();
    const commands = await vscode.commands.getCommands(true);
    for (const name of [
      "runDemo",
      "addPhysicalBreakpoint",
      "showPanels",
      "showTimeline",
      "showScreen",
      "openDisassembly",
    ]) {
      assert.ok(commands.includes(`bootscope.${name}`), name);
    }
  });
});
