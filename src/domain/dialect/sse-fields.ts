/**
 * Reads the fields of one server-sent-event frame: its event name cheaply (every frame needs it), its data only when asked.
 */
const utf8 = new TextDecoder()
/** For the middle of a frame, where what looks like a byte order mark is a character. */
const utf8Within = new TextDecoder('utf-8', { ignoreBOM: true })
const COLON = 58
const LF = 10
const CR = 13
const SPACE = 32
const EVENT = [101, 118, 101, 110, 116, COLON] // "event:"
const DATA = [100, 97, 116, 97, COLON] // "data:"

/** How nearly every frame of a stream of Anthropic's begins. */
const DELTA = [...new TextEncoder().encode('event: content_block_delta\n')]

const startsWith = (frame: Uint8Array, prefix: readonly number[]): boolean => {
  for (let i = 0; i < prefix.length; i++) if (frame[i] !== prefix[i]) return false
  return true
}

/** One line of data and nothing else, as the chunks of the chat dialect come: its fields need no search. */
const isDataLine = (frame: Uint8Array): boolean =>
  startsWith(frame, DATA) &&
  frame.indexOf(LF) === frame.length - 2 &&
  frame[frame.length - 1] === LF &&
  frame.indexOf(CR) === -1

/** As nearly always behind the name. Where there is more, another name may be in it, and the last one counts. */
const isDataFrom = (frame: Uint8Array, from: number): boolean =>
  frame[from] === DATA[0] && frame.indexOf(LF, from) === frame.length - 2 && frame.indexOf(CR, from) === -1

/** The `event:` value, or '' for a frame without one (a comment, or data alone, which Anthropic clients ignore). */
export const eventName = (frame: Uint8Array): string => {
  if (startsWith(frame, DELTA) && isDataFrom(frame, DELTA.length)) return 'content_block_delta'
  if (startsWith(frame, EVENT)) {
    let from = EVENT.length
    if (frame[from] === SPACE) from++
    let to = from
    while (to < frame.length && frame[to] !== LF && frame[to] !== CR) to++
    if (!isDataFrom(frame, to + 1)) return fieldOf(frame, 'event')
    // Names are short ASCII; building the string by code is faster than a decoder for a dozen bytes.
    let name = ''
    for (let i = from; i < to; i++) name += String.fromCharCode(frame[i] ?? 0)
    return name
  }
  return isDataLine(frame) ? '' : fieldOf(frame, 'event')
}

/** The `data:` lines joined by LF, or '' when there are none. */
export const eventData = (frame: Uint8Array): string => {
  if (!isDataLine(frame)) return fieldOf(frame, 'data')
  return utf8Within.decode(frame.subarray(frame[DATA.length] === SPACE ? DATA.length + 1 : DATA.length, -2))
}

const fieldOf = (frame: Uint8Array, field: 'event' | 'data'): string => {
  const values: string[] = []
  for (const line of utf8.decode(frame).split(/\r\n|\n|\r/)) {
    if (!line.startsWith(field)) continue
    if (line.length === field.length) values.push('')
    else if (line.charCodeAt(field.length) === COLON) {
      values.push(line.slice(line.charCodeAt(field.length + 1) === SPACE ? field.length + 2 : field.length + 1))
    }
  }
  return field === 'event' ? (values.at(-1) ?? '') : values.join('\n')
}
