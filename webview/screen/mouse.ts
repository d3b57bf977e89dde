/** Sends the mouse to the guest while it is captured (Pointer Lock). */

export interface MouseMovement {
  dx: number;
  dy: number;
  wheel: number;
  buttons: number;
}

/** What one report of the protocol holds. */
const MOST = 32_767;

export interface MouseCapture {
  readonly captured: boolean;
  capture(): void;
  release(): void;
}

/**
 * @param changed the capture began or ended, or (with a sentence) could not begin
 */
export function attachMouse(
  target: HTMLElement,
  send: (movement: MouseMovement) => void,
  changed: (captured: boolean, failure?: string) => void,
): MouseCapture {
  let waiting: MouseMovement | undefined;
  const isCaptured = (): boolean => document.pointerLockElement === target;
  const within = (value: number): number => Math.max(-MOST, Math.min(Math.round(value), MOST));
  const flush = (): void => {
    if (waiting === undefined) return;
    const { dx, dy, wheel, buttons } = waiting;
    waiting = undefined;
    send({ dx: within(dx), dy: within(dy), wheel: within(wheel), buttons });
  };
  /** Movements of one frame go together; a button does not wait. */
  const add = (event: MouseEvent, wheel: number, now: boolean): void => {
    if (!isCaptured()) return;
    event.preventDefault();
    if (waiting === undefined && !now) requestAnimationFrame(flush);
    waiting ??= { dx: 0, dy: 0, wheel: 0, buttons: 0 };
    waiting.dx += event.movementX;
    waiting.dy += event.movementY;
    waiting.wheel += wheel;
    // The DOM numbers buttons as the guest does: left, right, middle.
    waiting.buttons = event.buttons & 7;
    if (now) flush();
  };
  target.addEventListener("mousemove", (event) => add(event, 0, false));
  target.addEventListener("mousedown", (event) => add(event, 0, true));
  target.addEventListener("mouseup", (event) => add(event, 0, true));
  target.addEventListener("wheel", (event) => add(event, Math.sign(event.deltaY), false), { passive: false });
  target.addEventListener("contextmenu", (event) => {
    if (isCaptured()) event.preventDefault();
  });
  document.addEventListener("pointerlockchange", () => changed(isCaptured()));
  document.addEventListener("pointerlockerror", () => changed(false, "The mouse cannot be captured here."));
  return {
    get captured() {
      return isCaptured();
    },
    capture() {
      // Older browsers return nothing; failures come as an event, too.
      void Promise.resolve(target.requestPointerLock()).catch(() => undefined);
    },
    release() {
      if (isCaptured()) document.exitPointerLock();
    },
  };
}
