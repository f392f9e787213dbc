/**
 * Reads the fields of one server-sent-event frame: its event name cheaply (every frame needs it), its data only when asked.
 */
const utf8 = new TextDecoder()
const COLON = 58
const LF = 10
const CR = 13
const SPACE = 32
const EVENT = [101, 118, 101, 110, 116, COLON] // "event:"

const startsWithEvent = (frame: Uint8Array): boolean => {
  for (let i = 0; i < EVENT.length; i++) if (frame[i] !== EVENT[i]) return false
  return true
}

/** The `event:` value, or '' for a frame without one (a comment, or data alone, which Anthropic clients ignore). */
export const eventName = (frame: Uint8Array): string => {
  if (startsWithEvent(frame)) {
    let from = EVENT.length
    if (frame[from] === SPACE) from++
    let to = from
    while (to < frame.length && frame[to] !== LF && frame[to] !== CR) to++
    // Names are short ASCII; building the string by code is faster than a decoder for a dozen bytes.
    let name = ''
    for (let i = from; i < to; i++) name += String.fromCharCode(frame[i] ?? 0)
    // A later `event:` line of the same frame would win; no known server sends two.
    return name
  }
  return fieldOf(frame, 'event')
}

/** The `data:` lines joined by LF, or '' when there are none. */
export const eventData = (frame: Uint8Array): string => fieldOf(frame, 'data')

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
