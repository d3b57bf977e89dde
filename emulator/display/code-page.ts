/** Code page 437, the character set of a PC's text screen, as Unicode: control codes as the pictures that their glyphs show. */
const LOW = " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼";
const HIGH =
  "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀" +
  "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ";

export const CODE_PAGE_437: readonly string[] = Array.from({ length: 256 }, (_, code) => {
  if (code < 0x20) return LOW[code] as string;
  if (code === 0x7f) return "⌂";
  return code < 0x80 ? String.fromCharCode(code) : (HIGH[code - 0x80] as string);
});
