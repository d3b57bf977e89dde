export const FONT_HEIGHT = 16;
export function defaultFont(): Uint8Array {
  return new Uint8Array(4096);
}
