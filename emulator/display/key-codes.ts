/** Keys of a PC keyboard by the names of the DOM (UI Events KeyboardEvent code Values), as the scan codes of set 2 that they send. */

export interface KeyCodes {
  /** Sent when the key goes down. */
  make: readonly number[];
  /** Sent when it goes up; empty for Pause, which sends all at once. */
  break: readonly number[];
}

/** Keys whose code has no prefix. */
const PLAIN: Record<string, number> = {
  Escape: 0x76, F1: 0x05, F2: 0x06, F3: 0x04, F4: 0x0c, F5: 0x03, F6: 0x0b, F7: 0x83, F8: 0x0a, F9: 0x01, F10: 0x09,
  F11: 0x78, F12: 0x07, ScrollLock: 0x7e,
  Backquote: 0x0e, Digit1: 0x16, Digit2: 0x1e, Digit3: 0x26, Digit4: 0x25, Digit5: 0x2e, Digit6: 0x36, Digit7: 0x3d,
  Digit8: 0x3e, Digit9: 0x46, Digit0: 0x45, Minus: 0x4e, Equal: 0x55, Backspace: 0x66,
  Tab: 0x0d, KeyQ: 0x15, KeyW: 0x1d, KeyE: 0x24, KeyR: 0x2d, KeyT: 0x2c, KeyY: 0x35, KeyU: 0x3c, KeyI: 0x43,
  KeyO: 0x44, KeyP: 0x4d, BracketLeft: 0x54, BracketRight: 0x5b, Backslash: 0x5d,
  CapsLock: 0x58, KeyA: 0x1c, KeyS: 0x1b, KeyD: 0x23, KeyF: 0x2b, KeyG: 0x34, KeyH: 0x33, KeyJ: 0x3b, KeyK: 0x42,
  KeyL: 0x4b, Semicolon: 0x4c, Quote: 0x52, Enter: 0x5a,
  ShiftLeft: 0x12, IntlBackslash: 0x61, KeyZ: 0x1a, KeyX: 0x22, KeyC: 0x21, KeyV: 0x2a, KeyB: 0x32, KeyN: 0x31,
  KeyM: 0x3a, Comma: 0x41, Period: 0x49, Slash: 0x4a, ShiftRight: 0x59,
  ControlLeft: 0x14, AltLeft: 0x11, Space: 0x29,
  NumLock: 0x77, NumpadMultiply: 0x7c, NumpadSubtract: 0x7b, NumpadAdd: 0x79, NumpadDecimal: 0x71, Numpad0: 0x70,
  Numpad1: 0x69, Numpad2: 0x72, Numpad3: 0x7a, Numpad4: 0x6b, Numpad5: 0x73, Numpad6: 0x74, Numpad7: 0x6c,
  Numpad8: 0x75, Numpad9: 0x7d, NumpadComma: 0x6d,
  IntlRo: 0x51, IntlYen: 0x6a, KanaMode: 0x13, Convert: 0x64, NonConvert: 0x67, Lang1: 0xf2, Lang2: 0xf1,
}; // prettier-ignore

/** Keys whose code follows 0xE0. */
const EXTENDED: Record<string, number> = {
  Insert: 0x70, Home: 0x6c, PageUp: 0x7d, Delete: 0x71, End: 0x69, PageDown: 0x7a,
  ArrowUp: 0x75, ArrowLeft: 0x6b, ArrowDown: 0x72, ArrowRight: 0x74,
  NumpadDivide: 0x4a, NumpadEnter: 0x5a,
  ControlRight: 0x14, AltRight: 0x11, MetaLeft: 0x1f, MetaRight: 0x27, ContextMenu: 0x2f, Power: 0x37, Sleep: 0x3f,
  WakeUp: 0x5e, AudioVolumeMute: 0x23, AudioVolumeDown: 0x21, AudioVolumeUp: 0x32, MediaPlayPause: 0x34,
  MediaStop: 0x3b, MediaTrackNext: 0x4d, MediaTrackPrevious: 0x15, BrowserHome: 0x3a, BrowserBack: 0x38,
  BrowserForward: 0x30, BrowserRefresh: 0x20, BrowserSearch: 0x10, BrowserStop: 0x28, BrowserFavorites: 0x18,
  LaunchMail: 0x48, LaunchApp1: 0x40, LaunchApp2: 0x2b, MediaSelect: 0x50,
}; // prettier-ignore

const KEYS: ReadonlyMap<string, KeyCodes> = new Map<string, KeyCodes>([
  ...Object.entries(PLAIN).map(([name, code]) => [name, { make: [code], break: [0xf0, code] }] as const),
  ...Object.entries(EXTENDED).map(([name, code]) => [name, { make: [0xe0, code], break: [0xe0, 0xf0, code] }] as const),
  // These two send more than one code, as if a Shift or Control were pressed with them.
  ["PrintScreen", { make: [0xe0, 0x12, 0xe0, 0x7c], break: [0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12] }],
  ["Pause", { make: [0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77], break: [] }],
]);

/** What a key sends, by its `KeyboardEvent.code`; undefined for a key that PC keyboards do not have. */
export function keyCodes(code: string): KeyCodes | undefined {
  return KEYS.get(code);
}
