/** Builds elements; text goes in as text, so nothing a guest wrote is ever parsed as markup. */

export type Content = Node | string | undefined;

export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes?: Readonly<Record<string, string>>,
  ...children: Content[]
): HTMLElementTagNameMap[K];
export function element(
  name: string,
  attributes?: Readonly<Record<string, string>>,
  ...children: Content[]
): HTMLElement;
export function element(
  name: string,
  attributes: Readonly<Record<string, string>> = {},
  ...children: Content[]
): HTMLElement {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  for (const child of children) if (child !== undefined) made.append(child);
  return made;
}

/** A small drawing in the text's colour. */
export function icon(path: string): SVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS(space, "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}
