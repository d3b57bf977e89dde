/**
 * The drawings of the font. A character is a string of rows from row 2 of its cell on, each one digit in base 32: five
 * columns, the leftmost in its highest bit. Capitals stand on row 11, descenders end in row 14.
 */

const ASCII: readonly string[] = [
  // Space to slash.
  "", "4444444044", "iii", "0iiviiivii", "4fkke555u4", "0pp22488jj", "ciic8liiid", "444",
  "2448888442", "8442222448", "0004lel4", "00044v44", "00000000cc48", "00000v", "00000000cc", "11224488gg",
  // 0 to question mark.
  "ehhjllphhe", "4c4444444e", "eh11248ggv", "eh116111he", "266aaiv222", "vgggu111he", "68gguhhhhe", "v112224444",
  "ehhhehhhhe", "ehhhhf112c", "0000cc00cc", "0000cc00cc48", "00248g842", "0000v00v", "00g84248g", "ehh1244044",
  // At sign, A to Z, brackets, low line.
  "ehhnllnggf", "4ahhhvhhhh", "uhhhuhhhhu", "ehgggggghe", "uhhhhhhhhu", "vggguggggv", "vggguggggg", "ehgggnhhhf",
  "hhhhvhhhhh", "e44444444e", "7222222iic", "hhikookihh", "gggggggggv", "hrrllhhhhh", "hhpplljjhh", "ehhhhhhhhe",
  "uhhhhugggg", "ehhhhhhlid", "uhhhhukihh", "ehgge111he", "v444444444", "hhhhhhhhhe", "hhhhhhaa44", "hhhhhlllla",
  "hhaa44aahh", "hhhaa44444", "v112448ggv", "e88888888e", "gg88442211", "e22222222e", "4ah", "000000000000v",
  // Grave accent, a to z, braces, tilde, house.
  "842", "000e1fhhjd", "gggmphhhpm", "000ehggghe", "111djhhhjd", "000ehhvghe", "6988s88888", "000djhhhjd1he",
  "gggmphhhhh", "440c44444e", "22062222222ic", "ggghikokih", "c44444444e", "000qllllll", "000mphhhhh", "000ehhhhhe",
  "000mphhhpmggg", "000djhhhjd111", "000mpggggg", "000fgge11u", "088s888896", "000hhhhhjd", "000hhhhaa4", "000hhhllla",
  "000hha4ahh", "000hhhhhjd1he", "000v1248gv", "2444884442", "4444444444444", "8444224448", "00009li", "0004ahhhhv",
]; // prettier-ignore

const OTHERS: Record<number, string> = {
  0x00: "", 0x03: "000avvve44", 0x04: "0004eevee4", 0x05: "0004e4vv4e", 0x06: "0004eevv4e", 0x07: "0000eee",
  0x09: "000ehhhe", 0x0f: "004leaael4", 0x10: "00gosusog", 0x11: "00137f731", 0x12: "4el444le4", 0x13: "aaaaaaa0aa",
  0x16: "00000000vv", 0x18: "004el44444", 0x19: "0044444le4", 0x1a: "00042v24", 0x1b: "00048v84", 0x1d: "0000avva",
  0x1e: "00044eevv", 0x1f: "000vvee44", 0x9b: "044ekkke44", 0x9c: "698s8888iv", 0x9d: "hhaav4v444", 0xa8: "4404488ghhe",
  0xad: "4404444444", 0xae: "0005aka5", 0xaf: "000ka5ak", 0xe1: "ehhikihhhm", 0xe6: "000hhhhhpmggg", 0xf0: "000v00v00v",
  0xf1: "0044v4400v", 0xf6: "00040v04", 0xf7: "0009li09li", 0xf8: "ehhhe", 0xf9: "00000cc", 0xfa: "00000c",
  0xfb: "7444444kc4", 0xfd: "e12gv", 0xfe: "0000vvvvv", 0xff: "",
}; // prettier-ignore

/** By character code. */
export const DRAWINGS: ReadonlyMap<number, string> = new Map([
  ...ASCII.map((drawing, index) => [0x20 + index, drawing] as const),
  ...Object.entries(OTHERS).map(([code, drawing]) => [Number(code), drawing] as const),
]);

export const MARKS = {
  acute: "24",
  grave: "84",
  circumflex: "4a",
  diaeresis: "hh",
  ring: "ea",
  tilde: "dm",
  cedilla: "48",
} as const;

/** Letters with marks, by character code. */
export const ACCENTED: ReadonlyMap<number, readonly [letter: string, mark: keyof typeof MARKS]> = new Map([
  [0x80, ["C", "cedilla"]], [0x81, ["u", "diaeresis"]], [0x82, ["e", "acute"]], [0x83, ["a", "circumflex"]],
  [0x84, ["a", "diaeresis"]], [0x85, ["a", "grave"]], [0x86, ["a", "ring"]], [0x87, ["c", "cedilla"]],
  [0x88, ["e", "circumflex"]], [0x89, ["e", "diaeresis"]], [0x8a, ["e", "grave"]], [0x8b, ["i", "diaeresis"]],
  [0x8c, ["i", "circumflex"]], [0x8d, ["i", "grave"]], [0x8e, ["A", "diaeresis"]], [0x8f, ["A", "ring"]],
  [0x90, ["E", "acute"]], [0x93, ["o", "circumflex"]], [0x94, ["o", "diaeresis"]], [0x95, ["o", "grave"]],
  [0x96, ["u", "circumflex"]], [0x97, ["u", "grave"]], [0x98, ["y", "diaeresis"]], [0x99, ["O", "diaeresis"]],
  [0x9a, ["U", "diaeresis"]], [0xa0, ["a", "acute"]], [0xa1, ["i", "acute"]], [0xa2, ["o", "acute"]],
  [0xa3, ["u", "acute"]], [0xa4, ["n", "tilde"]], [0xa5, ["N", "tilde"]],
]); // prettier-ignore
