/** The guest's screen on a canvas: dots as large as whole pixels allow, cursor and blinking characters alive. */
import type { Wire } from "../../debug-adapter/protocol.ts";
import { blinkPeriod, renderScreen } from "../../emulator/display/render.ts";
import type { Screen } from "../../emulator/machine/api.ts";
import { bytesOf } from "../ui/format.ts";

export function screenOf(wire: Wire<Screen>): Screen {
  if (wire.kind === "text") return { ...wire, cells: bytesOf(wire.cells), font: bytesOf(wire.font) };
  if (wire.kind === "graphics") return { ...wire, pixels: bytesOf(wire.pixels) };
  return wire;
}

export interface Picture {
  show(screen: Screen): void;
  /** Whether cursor and characters blink. */
  animate(on: boolean): void;
  /** Fits the canvas into its frame again. */
  fit(): void;
  /** How large a dot of the guest is: "×2". */
  readonly scale: string;
}

export function attachPicture(canvas: HTMLCanvasElement, frame: HTMLElement): Picture {
  const context = canvas.getContext("2d", { alpha: false });
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let screen: Screen = { kind: "off" };
  let animated = false;
  let timer: ReturnType<typeof setInterval> | undefined;
  let scale = "";

  const draw = (): void => {
    const still = !animated || calm.matches;
    const picture = renderScreen(screen, still ? 0 : performance.now());
    if (picture === undefined) {
      context?.clearRect(0, 0, canvas.width, canvas.height);
      return;
    }
    if (canvas.width !== picture.width || canvas.height !== picture.height) {
      canvas.width = picture.width;
      canvas.height = picture.height;
      fit();
    }
    context?.putImageData(new ImageData(picture.pixels, picture.width, picture.height), 0, 0);
  };

  const fit = (): void => {
    const ratio = devicePixelRatio;
    const room = Math.min((frame.clientWidth * ratio) / canvas.width, (frame.clientHeight * ratio) / canvas.height);
    // Whole multiples are crisp; what does not fit even once is made smaller smoothly.
    const factor = room >= 1 ? Math.floor(room) : Math.max(room, 0.1);
    canvas.classList.toggle("smooth", room < 1);
    canvas.style.width = `${(canvas.width * factor) / ratio}px`;
    canvas.style.height = `${(canvas.height * factor) / ratio}px`;
    scale = room >= 1 ? `×${factor}` : `${Math.round(factor * 100)} %`;
  };

  const restart = (): void => {
    clearInterval(timer);
    timer = undefined;
    const period = blinkPeriod(screen);
    if (animated && !calm.matches && period !== Infinity) timer = setInterval(draw, period);
  };

  return {
    show(next) {
      screen = next;
      draw();
      restart();
    },
    animate(on) {
      if (on === animated) return;
      animated = on;
      draw();
      restart();
    },
    fit,
    get scale() {
      return scale;
    },
  };
}
