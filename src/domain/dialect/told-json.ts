/**
 * JSON that a stranger wrote, within what parsing it may cost. `[],` is three bytes in an answer and forty in memory, so that
 * sixty megabytes of it stop the event loop for seconds and take gigabytes. No honest text has so many values.
 */

/** Of an answer: a list of every model that there is has some twenty thousand. */
export const MOST_VALUES = 500_000

/** What is deeper can be read, but not be written again: that would take more stack than there is. */
const MOST_DEPTH = 500

/** Undefined for what is no JSON, or has more values than anybody needs, or deeper ones. */
export const parseTold = (text: string): unknown => {
  // Neither can be in so short a text.
  if (text.length > 2 * MOST_DEPTH && isTooMuch(text, MOST_VALUES, MOST_DEPTH)) return undefined
  try {
    return JSON.parse(text)
  } catch {
    // Whoever reads it says what was to be there.
    return undefined
  }
}

/** Whether there are more beginnings of lists, objects, members and items than `most`; strings are passed over. */
export const hasMoreValues = (text: string, most: number): boolean =>
  text.length > most && isTooMuch(text, most, Number.POSITIVE_INFINITY)

const isTooMuch = (text: string, mostValues: number, mostDepth: number): boolean => {
  let count = 0
  let depth = 0
  for (let at = 0; at < text.length && count <= mostValues && depth <= mostDepth; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = closingQuote(text, at)
        break
      case OPEN_LIST:
      case OPEN_OBJECT:
        depth++
        count++
        break
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        depth--
        break
      case COLON:
      case COMMA:
        count++
    }
  }
  return count > mostValues || depth > mostDepth
}

const QUOTE = 34
const COMMA = 44
const COLON = 58
const OPEN_LIST = 91
const CLOSE_LIST = 93
const OPEN_OBJECT = 123
const CLOSE_OBJECT = 125
const BACKSLASH = 92

/** Of the string that opens at `at`; the end of the text when it has none. */
const closingQuote = (text: string, at: number): number => {
  for (let close = text.indexOf('"', at + 1); close !== -1; close = text.indexOf('"', close + 1)) {
    let before = close - 1
    while (text.charCodeAt(before) === BACKSLASH) before--
    if ((close - before) % 2 === 1) return close
  }
  return text.length
}
