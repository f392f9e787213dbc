/**
 * Text of strangers on a terminal: what a client calls its model, and a provider its own, may hold sequences that move the cursor,
 * set the title or begin a line that looks like ours.
 */

/** Every control character, and those that turn the direction of writing, as `\u{…}`. */
export const printable = (text: string): string =>
  text.replaceAll(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`)
