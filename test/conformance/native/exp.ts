import { buildHarness, runNative } from "./native.ts";
import { batchImage } from "./generator.ts";
import { CODE, type TestCase } from "./case.ts";
const h = buildHarness(); const image = batchImage(1, 0);
const fx = new Uint8Array(512); fx[0]=0x7f; fx[1]=3;fx[24]=0x80; fx[25]=0x1f;fx[4]=255;
function t(code: number[], rdi: bigint): TestCase {  const gpr = new BigUint64Array(16); gpr[7]=rdi; gpr[5]=rdi; gpr[4]=0x20001000n; 
 return {mode:1, code:Uint8Array.from(code), starts:[0,4], gpr, rip: CODE, flags: 0x202, fx}; }
for (const [n,code] of [["mov",[0x89,7]],["maskmovq",[0x0f,0xf7,0xc0]]] as const) for (const a of [CODE,CODE+0xffe,CODE+0x1ffe,CODE+0x2000, 0x20003000,0x20003ffe]) {
  const o = runNative(h,image,[t([...code],BigInt(a))])[0]!; console.log(n,a.toString(16),o.vector,o.error,o.cr2.toString(16)); }
