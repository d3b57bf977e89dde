import type { DeviceState } from "./device.ts";

const ACK = 0xfa;
const RESEND = 0xfe;
const FAILED = 0xfc;
const SELF_TEST_PASSED = 0xaa;
/** Sample rates, sent one after the other, that turn on the wheel (Microsoft IntelliMouse). */
const WHEEL_KNOCK = [200, 100, 80] as const;
const PLAIN_ID = 0;
const WHEEL_ID = 3;
/** Movements with different buttons that wait for the guest; beyond this they become one. */
const MOVEMENT_LIMIT = 256;
/** What 9 bits hold, and what a packet carries of it. */
const PACKET_MOST = 255;
const WHEEL_MOST = 7;
/** Total of a movement: further counts are lost, as behind a mouse's own counter. */
const COUNTER_MOST = 0x7fff;

interface Movement {
  dx: number;
  dy: number;
  wheel: number;
  buttons: number;
}

type MouseState = {
  /** Answers to commands. */
  answers: number[];
  /** Rest of the packet that is being sent. */
  packet: number[];
  movements: Movement[];
  /** Buttons down now. */
  pressed: number;
  enabled: boolean;
  remote: boolean;
  wrap: boolean;
  doubled: boolean;
  resolution: number;
  rate: number;
  id: number;
  /** The last sample rates, oldest first. */
  rates: number[];
  awaits: number;
  lastSent: number[];
};

function powerOn(): MouseState {
  return {
    answers: [],
    packet: [],
    movements: [],
    pressed: 0,
    enabled: false,
    remote: false,
    wrap: false,
    doubled: false,
    resolution: 2,
    rate: 100,
    id: PLAIN_ID,
    rates: [],
    awaits: 0,
    lastSent: [],
  };
}

/** A PS/2 mouse with three buttons and a wheel (IBM PS/2 Hardware Interface Technical Reference, Mouse; Microsoft IntelliMouse). */
export class Mouse {
  #state = powerOn();

  reset(): void {
    this.#state = powerOn();
  }

  save(): DeviceState {
    return structuredClone(this.#state);
  }

  restore(state: DeviceState): void {
    this.#state = structuredClone(state) as MouseState;
  }

  /** Next byte of an answer, -1 when there is none. */
  takeAnswer(): number {
    return this.#state.answers.shift() ?? -1;
  }

  /** Next byte of a movement, -1 when there is none. */
  takeMovement(): number {
    const state = this.#state;
    if (state.packet.length === 0 && this.#reports) state.packet = this.#nextPacket(state.movements.length > 0);
    return state.packet.shift() ?? -1;
  }

  get hasMovement(): boolean {
    return this.#state.packet.length > 0 || (this.#reports && this.#state.movements.length > 0);
  }

  /** Right, down and the wheel towards the user are positive; buttons: bit 0 left, 1 right, 2 middle. */
  move(dx: number, dy: number, wheel: number, buttons: number): void {
    const state = this.#state;
    const { movements } = state;
    state.pressed = buttons & 7;
    if (!state.enabled && !state.remote) return;
    const counts = (value: number): number => Math.max(-COUNTER_MOST, Math.min(Math.trunc(value) || 0, COUNTER_MOST));
    const last = movements.at(-1);
    const mergeable = last && (last.buttons === state.pressed || movements.length >= MOVEMENT_LIMIT);
    if (mergeable) {
      last.dx = counts(last.dx + counts(dx));
      last.dy = counts(last.dy + counts(dy));
      last.wheel = counts(last.wheel + counts(wheel));
      last.buttons = state.pressed;
    } else {
      movements.push({ dx: counts(dx), dy: counts(dy), wheel: counts(wheel), buttons: state.pressed });
    }
  }

  /** A byte sent by the controller. */
  command(byte: number): void {
    const state = this.#state;
    const awaited = state.awaits;
    state.awaits = 0;
    state.answers.length = 0;
    state.packet.length = 0;
    if (state.wrap && byte !== 0xff && byte !== 0xec) {
      state.answers.push(byte);
      return;
    }
    if (awaited) this.#parameter(awaited, byte);
    else this.#ownCommand(byte);
    if (byte !== RESEND) state.lastSent = [...this.#state.answers];
  }

  #ownCommand(byte: number): void {
    const state = this.#state;
    const answer = (...bytes: number[]): void => void state.answers.push(ACK, ...bytes);
    switch (byte) {
      case 0xe6:
      case 0xe7:
        state.doubled = byte === 0xe7;
        answer();
        return;
      case 0xe8:
      case 0xf3:
        state.awaits = byte;
        answer();
        return;
      case 0xe9:
        answer(this.#status(), state.resolution, state.rate);
        return;
      case 0xea:
      case 0xf0:
        state.remote = byte === 0xf0;
        state.movements.length = 0;
        answer();
        return;
      case 0xeb:
        answer(...this.#nextPacket(true));
        return;
      case 0xec:
      case 0xee:
        state.wrap = byte === 0xee;
        answer();
        return;
      case 0xf2:
        answer(state.id);
        return;
      case 0xf4:
      case 0xf5:
        state.enabled = byte === 0xf4;
        state.movements.length = 0;
        answer();
        return;
      case 0xf6: {
        const { id, pressed } = state;
        this.#state = { ...powerOn(), id, pressed, answers: [ACK] };
        return;
      }
      case RESEND:
        state.answers.push(...state.lastSent);
        return;
      case 0xff: {
        const { pressed } = state;
        this.#state = { ...powerOn(), pressed, answers: [ACK, SELF_TEST_PASSED, PLAIN_ID] };
        return;
      }
      default:
        state.answers.push(RESEND);
    }
  }

  #parameter(command: number, value: number): void {
    const state = this.#state;
    if (command === 0xe8) {
      if (value > 3) {
        state.answers.push(FAILED);
        return;
      }
      state.resolution = value;
    } else {
      if (value === 0 || value > 200) {
        state.answers.push(FAILED);
        return;
      }
      state.rate = value;
      state.rates = [...state.rates, value].slice(-WHEEL_KNOCK.length);
      if (WHEEL_KNOCK.every((rate, index) => state.rates[index] === rate)) state.id = WHEEL_ID;
    }
    state.answers.push(ACK);
  }

  /** Sends movements by itself. */
  get #reports(): boolean {
    const { enabled, remote, wrap } = this.#state;
    return enabled && !remote && !wrap;
  }

  /** Left button in bit 2, right in bit 0, middle in bit 1. */
  #status(): number {
    const { pressed, doubled, enabled, remote } = this.#state;
    const buttons = ((pressed & 1) << 2) | ((pressed & 2) >> 1) | ((pressed & 4) >> 1);
    return buttons | (doubled ? 0x10 : 0) | (enabled ? 0x20 : 0) | (remote ? 0x40 : 0);
  }

  /** The next movement, or as much of it as fits; `wanted`: even when there is none. */
  #nextPacket(wanted: boolean): number[] {
    const state = this.#state;
    const [movement] = state.movements;
    if (!movement && !wanted) return [];
    const { dx, dy, wheel, buttons } = movement ?? { dx: 0, dy: 0, wheel: 0, buttons: state.pressed };
    const within = (value: number, most: number): number => Math.max(-most, Math.min(value, most));
    const hasWheel = state.id === WHEEL_ID;
    const [x, y, z] = [within(dx, PACKET_MOST), within(-dy, PACKET_MOST), within(wheel, WHEEL_MOST)];
    if (movement) {
      movement.dx -= x;
      movement.dy += y;
      movement.wheel = hasWheel ? movement.wheel - z : 0;
      if (movement.dx === 0 && movement.dy === 0 && movement.wheel === 0) state.movements.shift();
    }
    const first = 0x08 | (buttons & 7) | (x < 0 ? 0x10 : 0) | (y < 0 ? 0x20 : 0);
    return [first, x & 0xff, y & 0xff, ...(hasWheel ? [z & 0xff] : [])];
  }
}
