import { buildHarness, runNative } from "./native.ts";
import { batchImage } from "./generator.ts";
import { CODE, type TestCase } from "./case.ts";
const h = buildHarness(); const image = batchImage(1, 0);
const fx = new Uint8Array(512); fx[0]=0x7f; fx[1]=3;fx[24]=0x80; fx[25]=0x1f;fx[4]=255;
function t(code: number[], rdi: bigint): TestCase {  const gpr = new BigUint64Array(16); gpr[7]=rdi; gpr[5]=rdi; gpr[4]=0x20001000n; 
 return {mode:2, code:Uint8Array.from(code), starts:[0,4], gpr, rip: CODE, flags: 0x40202, fx}; }
for (const [n,code] of [["fstp80",[0xdb,0x3f]],["fld80",[0xdb,0x2f]],["fbstp",[0xdf,0x37]],["fbld",[0xdf,0x27]],["fstenv",[0xd9,0x37]],["fldenv",[0xd9,0x27]],["fnsave",[0xdd,0x37]],["frstor",[0xdd,0x27]],["fxsave",[0x0f,0xae,7]],["fxrstor",[0x0f,0xae,15]],["movups",[0x0f,0x10,7]],["movdqu st",[0xf3,0x0f,0x7f,7]],["lddqu",[0xf2,0x0f,0xf0,7]],["movlps",[0x0f,0x12,7]],["pcmpistri",[0x66,0x0f,0x3a,0x63,7,0]],["cmpxchg8b",[0x0f,0xc7,0x0f]],["maskmovq",[0x0f,0xf7,0xc0]],["pushfq rsp",[0x48,0x89,0xfc,0x9c]]] as const) {
 let s=""; for (let a=0;a<=32;a++) { const o = runNative(h,image,[t([...code],BigInt(0x20000800+a))])[0]!; s+=o.vector===17?"A":o.vector===6?".":o.vector+" "; } console.log(n.padEnd(10),s); }
