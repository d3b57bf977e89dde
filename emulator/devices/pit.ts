import type { Device, DeviceState, PortHandler, SetLine, Timebase, Timer } from "./device.ts";
import { Oscillator } from "./oscillator.ts";
import { PitChannel } from "./pit-channel.ts";

/** 1.193182 MHz: a third of the 3.579545 MHz colour carrier. */
const PIT_CLOCK = new Oscillator(1_193_182);
/** Channel 1 as the BIOS leaves it: a refresh request every 18 ticks, 15.1 µs. */
const REFRESH_TICKS = 18;

/**
 * The 8254 timer at ports 0x40 to 0x43 and the system control port 0x61 that belongs to it: gate and output of
 * channel 2, speaker enable, refresh toggle (Intel 8254 data sheet 231164; PIIX3 data sheet, NMISC).
 * Channel 0 drives the IRQ0 line.
 */
export class Pit implements Device, PortHandler {
  readonly name = "pit";
  readonly #time: Timebase;
  readonly #irq0: SetLine;
  readonly #channels: readonly [PitChannel, PitChannel, PitChannel] = [
    new PitChannel(true),
    new PitChannel(true),
    new PitChannel(false),
  ];
  readonly #timer: Timer = { id: "pit.channel0", fire: () => this.#follow() };
  /** Bits 0 (gate 2), 1 (speaker), 2 and 3 (NMI source enables) of port 0x61. */
  #control = 0;

  /** Port 0x61 as read at `from`, and when it may read otherwise; no state of the device. */
  readonly #known = { value: 0, from: 0, until: 0 };

  constructor(time: Timebase, irq0: SetLine) {
    this.#time = time;
    this.#irq0 = irq0;
    time.register(this.#timer);
  }

  reset(): void {
    for (const channel of this.#channels) channel.reset();
    this.#control = 0;
    this.#known.until = 0;
    this.#channels[2].setGate(false, 0);
    this.#follow();
  }

  save(): DeviceState {
    return { control: this.#control, channels: this.#channels.map((channel) => channel.save()) };
  }

  restore(state: DeviceState): void {
    this.#known.until = 0;
    this.#control = state["control"] as number;
    const saved = state["channels"] as DeviceState[];
    this.#channels.forEach((channel, index) => channel.restore(saved[index] ?? {}));
  }

  /** Whether the speaker is driven by channel 2. */
  get speakerOn(): boolean {
    return (this.#control & 3) === 3;
  }

  readPort(port: number): number {
    if (port === 0x61) return this.#readControl(this.#time.now());
    const tick = this.#tick();
    const channel = this.#channels[port & 3];
    return channel ? channel.read(tick) : 0xff;
  }

  steadyUntil(port: number): number {
    return port === 0x61 ? this.#known.until : 0;
  }

  writePort(port: number, _size: number, value: number): void {
    this.#known.until = 0;
    const tick = this.#tick();
    if (port === 0x61) {
      this.#control = value & 0x0f;
      this.#channels[2].setGate((value & 1) !== 0, tick);
      return;
    }
    const channel = this.#channels[port & 3];
    if (channel) {
      channel.write(value, tick);
    } else if (value >> 6 === 3) {
      for (let index = 0; index < 3; index++) {
        if (value & (2 << index)) this.#channels[index as 0 | 1 | 2].readBack(value, tick);
      }
    } else {
      this.#channels[(value >> 6) as 0 | 1 | 2].control(value, tick);
    }
    if ((port & 3) === 0 || (port & 3) === 3) this.#follow();
  }

  /** Port 0x61. Guests wait for channel 2 by millions of reads: what was read stays until one of its bits changes. */
  #readControl(now: number): number {
    const known = this.#known;
    if (now >= known.from && now < known.until) return known.value;
    const tick = PIT_CLOCK.ticksAt(now);
    const period = Math.floor(tick / REFRESH_TICKS);
    known.value = this.#control | ((period & 1) << 4) | (this.#channels[2].output(tick) ? 0x20 : 0);
    known.from = now;
    known.until = PIT_CLOCK.timeOf(Math.min((period + 1) * REFRESH_TICKS, this.#channels[2].nextChange(tick)));
    return known.value;
  }

  #tick(): number {
    return PIT_CLOCK.ticksAt(this.#time.now());
  }

  /** Puts the level of channel 0 on its line and waits for its next change. */
  #follow(): void {
    const tick = this.#tick();
    const channel = this.#channels[0];
    this.#irq0(channel.output(tick));
    const change = channel.nextChange(tick);
    if (change === Infinity) this.#time.cancel(this.#timer);
    else this.#time.schedule(this.#timer, PIT_CLOCK.timeOf(change));
  }
}
