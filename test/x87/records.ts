/** The records that the native program (native.c) reads and writes. */

export const CASE = { size: 248, stateSize: 108, memorySize: 128 };
export const OUTCOME = { size: 248 };

export interface CaseRecord {
  readonly code: Uint8Array;
  readonly state: Uint8Array;
  readonly eflags: number;
  readonly memory: Uint8Array;
}

export function caseAt(cases: Uint8Array, index: number): CaseRecord {
  const at = index * CASE.size;
  return {
    code: cases.subarray(at, at + 8),
    state: cases.subarray(at + 8, at + 116),
    eflags: new DataView(cases.buffer, cases.byteOffset).getUint32(at + 116, true),
    memory: cases.subarray(at + 120, at + 248),
  };
}

export class OutcomeRecord {
  readonly state: Uint8Array;
  readonly memory: Uint8Array;
  private readonly view: DataView;

  constructor(outcomes: Uint8Array, at: number) {
    this.state = outcomes.subarray(at, at + 108);
    this.memory = outcomes.subarray(at + 120, at + 248);
    this.view = new DataView(outcomes.buffer, outcomes.byteOffset + at, OUTCOME.size);
  }
  get control(): number {
    return this.view.getUint16(0, true);
  }
  get status(): number {
    return this.view.getUint16(4, true);
  }
  get tags(): number {
    return this.view.getUint16(8, true);
  }
  get instruction(): number {
    return this.view.getUint32(12, true);
  }
  get opcode(): number {
    return this.view.getUint16(18, true);
  }
  /** Sign and exponent, and significand, of ST(i). */
  se(i: number): number {
    return this.view.getUint16(36 + i * 10, true);
  }
  significand(i: number): bigint {
    return this.view.getBigUint64(28 + i * 10, true);
  }
  get eflags(): number {
    return this.view.getUint32(108, true) & 0x8d5;
  }
  get eax(): number {
    return this.view.getUint32(112, true);
  }
  get signal(): number {
    return this.view.getUint32(116, true);
  }
  setFlags(v: number): void {
    this.view.setUint32(108, v, true);
  }
  setEax(v: number): void {
    this.view.setUint32(112, v, true);
  }
  setSignal(v: number): void {
    this.view.setUint32(116, v, true);
  }
}

export function outcomeAt(outcomes: Uint8Array, index: number): OutcomeRecord {
  return new OutcomeRecord(outcomes, index * OUTCOME.size);
}
